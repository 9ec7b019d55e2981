"""Where the first number that is not finite was born: in the forward, in the backward, in a leaf.

The graph of a loss still holds values that the backward needs. Going through it in the order of the
forward, the first such value that is not finite gives the op that made it, or the leaf that it is.
In the backward it is the first op that gets a finite gradient and hands on one that is not. A run
is only taken apart once: afterwards everything is NaN.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
import torch

from ...figures import non_finite_figures
from ..arrays import array_of, readable
from ..calls import Place
from ..graph import Graph, plain_saved
from ..places import placed, plain
from ..structure import Structure
from .origins import RESULTS, RISKY, origin, output_of, suspect

if TYPE_CHECKING:
    from ..passes import Pass

POSITIONS = {
    "self": 0, "input": 0, "other": 1, "mat2": 1, "weight": 1, "exponent": 1, "target": 1
}  # fmt: skip
OF_LINEAR = {"mat1": 1, "mat2": 2}

STEEP = (*RISKY, "logsumexp", "atan2")
"""Ops whose derivative is infinite or undefined somewhere."""

MOST_COLUMNS = 8
MOST_TABLES = 8
MOST_PLACES = 20_000


class Birth(NamedTuple):
    """A birth: at which node (0: unknown), in which op, or in which leaf (None: in none of ours).

    `data` is a value that needs no gradient and is itself not finite. Not `sure` is a birth in an
    op whose inputs nobody keeps.
    """

    serial: int
    op: str
    figures: dict[str, Any]
    leaf: torch.Tensor | None = None
    data: torch.Tensor | None = None
    sure: bool = True

    @property
    def phase(self) -> str:
        """Whether an op made it in the forward, or it was there before."""
        return "leaf" if self.leaf is not None or self.data is not None else "forward"


class Births:
    """The births in one observed pass."""

    OPS: ClassVar[Collection[str]] = STEEP

    def __init__(self, seen: Pass) -> None:
        self.seen = seen
        self._looking = not seen.probes.broken and seen.scale == 1.0
        self._born: tuple[int, str, dict[str, Any]] | None = None
        self._measured: list[tuple[int, int, torch.Tensor]] = []  # what lies on a device
        seen.probes.table.learn(seen.graph, seen.places)

    def node(self, serial: int, node: Any) -> None:
        """Have a node looked at, if its derivative can be infinite."""
        if self._looking and self.seen.structure.op(serial) in STEEP:
            self.seen.hook(node, partial(self._look, serial, node))

    def finished(self) -> None:
        """Tell of a birth."""
        if self._born is None and self._measured:
            self._fetch()
        if self._born is None or self.seen.probes.broken:
            return
        serial, op, figures = self._born
        self.seen.probes.broken = True
        detail = described("backward", op, figures, self.seen.places.get(serial))
        self.seen.events.append(("non-finite", {"step": self.seen.step, **detail}))

    def _look(self, serial: int, node: Any, left: Any, arrived: Any) -> None:
        if self._born is not None:
            return
        for gradient in left:
            if not readable(gradient):
                continue
            if gradient.device.type != "cpu":
                whole = torch.stack([each.isfinite().all() for each in arrived if readable(each)])
                counts = [whole.all().sum(), gradient.isnan().sum(), gradient.isinf().sum()]
                self._measured.append((serial, gradient.numel(), torch.stack(counts)))
            elif not is_finite(gradient) and all(map(is_finite, filter(readable, arrived))):
                made = blamed(self.seen.structure, serial, node)
                at = made.serial if made is not None and made.phase == "forward" else serial
                figures = non_finite_figures(array_of(gradient))
                self._born = at, self.seen.structure.op(at), figures
                return

    def _fetch(self) -> None:
        rows = torch.stack([counts for _, _, counts in self._measured]).tolist()
        for (serial, size, _), (whole, nan, inf) in zip(self._measured, rows, strict=True):
            if whole and nan + inf:
                figures = {"count": nan + inf, "size": size, "nan": nan, "inf": inf}
                self._born = serial, self.seen.structure.op(serial), figures
                return


class Table:
    """The lines of graphs that were observed, for those alike that are not."""

    def __init__(self) -> None:
        self._places: dict[int, list[Place | None]] = {}

    def learn(self, graph: Graph, places: dict[int, Place | None]) -> None:
        """Take note of the lines of a graph."""
        key = kind_of(graph)
        known = key in self._places or len(self._places) >= MOST_TABLES
        if not known and len(graph.nodes) <= MOST_PLACES and any(places.values()):
            self._places[key] = [places.get(serial) for serial in range(len(graph.nodes) + 1)]

    def find(self, graph: Graph, serial: int) -> Place | None:
        """Return the line of a node, None where no graph of the same ops was observed."""
        known = self._places.get(kind_of(graph))
        return known[serial] if known is not None else None


def kind_of(graph: Graph) -> int:
    """Return what graphs of the same ops in the same order have in common."""
    return hash(tuple(each.op for each in graph.seen))


def birth_of(structure: Structure, root: torch.Tensor) -> Birth | None:
    """Return who is to blame for a root that is not finite, None where that cannot be told.

    Call it where the script's modes are switched off and no graph is made.
    """
    nodes = structure.graph.nodes
    for i, leaf in enumerate(structure.graph.leaves):
        if readable(leaf) and figures_of_fault(value := array_of(leaf)):
            first = max((serial for serial, _, _ in structure.taken_by(-1 - i)), default=0)
            return Birth(first, "", fault_figures(value), leaf=leaf)
    for serial in range(len(nodes), 0, -1):
        found = blamed(structure, serial, nodes[serial - 1])
        if found is not None:
            return found
    made = suspect(structure)
    if made is None:
        return None
    return _made(structure, *made, array_of(root))


def blamed(structure: Structure, serial: int, node: Any) -> Birth | None:
    """Return who made a value that a node keeps and that is not finite, None if all are."""
    op, sources = structure.op(serial), structure.graph.sources[serial - 1]
    for name in (attribute[11:] for attribute in dir(node) if attribute[:11] == "_raw_saved_"):
        value = _broken(node, name)
        if value is None:
            continue
        if name in RESULTS:
            return Birth(serial, op, non_finite_figures(array_of(value)))
        position = (OF_LINEAR if op == "linear" else POSITIONS).get(name)
        if position is None or position >= len(sources):
            continue
        behind = structure.behind(sources[position])
        array = array_of(value)
        if behind > 0:
            return _made(structure, *origin(structure, behind), array)
        if behind == 0 and figures_of_fault(array):  # else a mask of −inf
            return Birth(serial, op, fault_figures(array), data=value)
    return None


def figures_of_fault(value: Any) -> bool:
    """Tell whether a value holds worse than the −inf of a mask."""
    figures = non_finite_figures(value)
    return bool(figures["nan"] or (value == float("inf")).any())


def fault_figures(value: Any) -> dict[str, Any]:
    """Count what is not finite in a leaf; of one with two axes list the first few columns of it."""
    figures: dict[str, Any] = dict(non_finite_figures(value))
    if value.ndim == 2:
        broken = ~np.isfinite(value)
        figures["columns"] = [int(i) for i in np.flatnonzero(broken.any(axis=0))[:MOST_COLUMNS]]
    return figures


def is_finite(gradient: torch.Tensor) -> bool:
    """Tell whether all of a tensor in memory is finite, by its sum where that is finite."""
    gradient = gradient.detach()
    total = gradient.sum(dtype=torch.float64 if gradient.dtype is torch.float64 else torch.float32)
    return bool(torch.isfinite(total)) or bool(torch.isfinite(gradient).all())


def described(
    phase: str,
    op: str,
    figures: dict[str, Any],
    place: Place | None,
    name: str = "",
    kind: str = "",
) -> dict[str, Any]:
    """Describe a birth as its event has it, but for the step."""
    where, source = placed(place)
    return {
        "phase": phase,
        "op": op,
        "name": name,
        "kind": kind,
        "columns": [],
        **figures,
        "where": plain(where),
        "source": source,
    }


def _broken(node: Any, name: str) -> torch.Tensor | None:
    """Return a value that a node keeps if it is not finite, else None."""
    if isinstance(getattr(node, f"_raw_saved_{name}"), tuple):
        return None
    value = plain_saved(node, name)
    if value is None or not readable(value) or bool(torch.isfinite(value).all()):
        return None
    return value


def _made(structure: Structure, serial: int, sure: bool, seen: Any) -> Birth:
    """Return the birth in an op; `seen` is where it was noticed, if its own output is not known."""
    output = output_of(structure, serial)
    value = array_of(output) if output is not None else seen
    return Birth(serial, structure.op(serial), non_finite_figures(value), sure=sure)
