"""One observed backward pass of PyTorch, from its entry to an observation.

The graph is alive when the pass begins and is gone when it ends. So its structure is taken down at
the beginning, the few nodes of interest get a hook, and the hooks are gone before anybody else runs
again: a hook holds its node, and would keep the graph alive.

What is looked at is the business of parts, one for each kind of site (sites/). A part is made with
the pass, sees every node at the beginning, and adds what it found at the end.
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from ...traces.recording import Observation, Site
from ..seen import before_parameters, parameter_like
from .arrays import norm_of, readable, unseen
from .calls import CallLog, Place
from .entry import COMPILED, Backward, scale_of
from .forward.cut_sites import CutOff
from .forward.module_sites import Evaluating
from .graph import MOST_NODES, walk
from .places import placed, within
from .sites.activations import Activations
from .sites.births import Births
from .sites.clamps import Clamps
from .sites.flat import Flats
from .sites.inputs import Inputs
from .sites.losses import Losses
from .sites.narrowing import Narrowings
from .structure import Structure
from .through_time.fused import Fused
from .through_time.recurrences import Recurrences

if TYPE_CHECKING:
    from .probes import TorchProbes

MOST_HOOKS = 2_000  # in one pass; an enormous graph has too many of one kind


class Part(Protocol):
    """What looks at one kind of site in one pass.

    `OPS` are the ops whose nodes it is shown. A part that finds its nodes another way has none and
    looks for itself when it is made.
    """

    OPS: ClassVar[Collection[str]]

    def __init__(self, seen: Pass) -> None:
        """Begin with a pass; its graph is alive."""

    def node(self, serial: int, node: Any) -> None:
        """Look at one node before the pass, nearest to the loss first; `seen.hook` it if need be.

        The script's modes are off, and no graph is made.
        """

    def finished(self) -> None:
        """Add what was found to `seen.figures`, `units` and `events`. Gradients are final."""


PARTS: tuple[type[Part], ...] = (
    Clamps, Recurrences, Fused, Activations, Losses, Inputs, Flats,
    CutOff, Evaluating, Births, Narrowings,
)  # fmt: skip


class Pass:
    """One pass under observation. `release` must be called, `finished` may be, in that order.

    Parts add to `figures` and `units`, by the number of the site, to `events` and to `missed`.
    """

    def __init__(self, probes: TorchProbes, step: int, call: Backward, log: CallLog) -> None:
        self.probes = probes
        self.step = step
        self.call = call
        self.log = log
        self.figures: dict[int, dict[str, float]] = {}
        self.units: dict[int, tuple[int, Any]] = {}
        self.events: list[tuple[str, Any]] = []
        self.missed: set[str] = set()
        self.hooked = log.hooked
        self._handles: list[Any] = []
        with unseen():
            self.scale = scale_of(call.roots[0])
            self.graph = walk(call.roots)
            self.structure = Structure(self.graph)
            find = log.find
            self.places = {
                serial: find(node._sequence_nr())
                for serial, node in enumerate(self.graph.nodes, start=1)
            }
            if not self.graph.whole:
                self.missed.add(f"more than {MOST_NODES:,} operations in one backward pass")
            if any("compiled_function" in seen.op for seen in self.graph.seen):
                self.missed.add(COMPILED)
            self._parts = [part(self) for part in PARTS]
            shown: dict[str, list[Part]] = {}
            for part in self._parts:
                for op in part.OPS:
                    shown.setdefault(op, []).append(part)
            for each, node in zip(self.graph.seen, self.graph.nodes, strict=True):
                for part in shown.get(each.op, ()):
                    part.node(each.serial, node)
            probes.parameters.names.look(self.graph.leaves)

    def hook(self, node: Any, measure: Callable[[Any, Any], None], *, before: bool = False) -> None:
        """Have `measure(left, arrived)` called with the gradients of a node's inputs and outputs.

        With `before` it is `measure(None, arrived)`, called before the node computes. In there the
        script's modes are off, no graph is made, and whatever is raised ends the watching alone.
        """
        if len(self._handles) >= MOST_HOOKS:
            return

        def guarded(left: Any, arrived: Any) -> None:
            begun = time.perf_counter()
            try:
                with unseen():
                    measure(left, arrived)
            except Exception as error:
                self.probes.fail(error)
            finally:
                self.probes.spend(time.perf_counter() - begun)

        if before:
            self._handles.append(node.register_prehook(lambda arrived: guarded(None, arrived)))
        else:
            self._handles.append(node.register_hook(guarded))

    def release(self) -> None:
        """Take our hooks off the graph."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def close(self) -> None:
        """Let go of the parts, which hold the pass: nothing of the script must outlive it here."""
        self._parts.clear()

    def finished(self, result: Any) -> Observation:
        """Work out what was seen. `result` is what the pass returned, where it returns gradients.

        The norm of the gradients is that before any clipping, which comes later.
        """
        leaves = self.graph.leaves
        with unseen():
            given = [leaf.grad for leaf in leaves]
            if not self.call.accumulates:
                returned = dict(zip(map(id, self.call.inputs), result or (), strict=False))
                given = [returned.get(id(leaf)) for leaf in leaves]
            norm = self._unscaled(norm_of([each for each in given if readable(each)]))
            if norm is not None:
                self.probes.parameters.seen(self.step, leaves, given, self.scale, self._about)
            for part in self._parts:
                part.finished()
        missed = tuple(sorted(self.missed))
        return Observation(self.figures, norm, missed, self.units, tuple(self.events))

    @functools.cached_property
    def sides(self) -> dict[int, str]:
        """For each node whether it lies on the loss side, in the model, or on a parameter's way."""
        seen = self.graph.seen
        of_parameters = parameter_like(seen)
        hidden = before_parameters(seen, of_parameters)
        sides = {each.serial: "hidden" if each.serial in hidden else "loss" for each in seen}
        return sides | dict.fromkeys(of_parameters, "parameter")

    def site(
        self,
        op: str,
        kind: str,
        serial: int,
        attributes: dict[str, Any],
        ordinal: int = 0,
        also: Sequence[Any] = (),
    ) -> int | None:
        """Return the number of the site of a node, None if there are too many.

        `also` is what tells it from others of its kind at the same place.
        """
        place, side = self.places[serial], self.sides[serial]

        def make() -> Site:
            where, source = placed(place)
            module = self.probes.module_of(place)
            near = attributes.get("weight", "").rpartition(".")[0]
            if not module or near.startswith(f"{module}."):
                module = near  # of the layer that it is applied to, not of all that it is in
            about = {**attributes, **within(place)}
            return Site(op, kind, where, side, module, "", ordinal, source, about)

        key = (kind, self.probes.key_of(place), op, side, ordinal, *also)
        return self.probes.find(key, make)

    def _unscaled(self, norm: float | None) -> float | None:
        """Return a norm as it is without a GradScaler, None where that will skip the update."""
        if norm is None or self.scale == 1.0:
            return norm
        return norm / self.scale if math.isfinite(norm) else None

    def _about(self, index: int) -> dict[str, Any]:
        """Describe leaf i: where it is used, how far from the loss, whether it is a weight."""
        structure, leaf, source = self.structure, self.graph.leaves[index], -1 - index
        first = max((serial for serial, _, _ in structure.taken_by(source)), default=0)
        place: Place | None = self.places.get(first)
        where, text = placed(place)
        return {
            "axis": structure.units_along(source, leaf),
            "distance": structure.distances.get(source),
            "weight": structure.is_weight(source, leaf),
            "normalised": structure.feeds_normalisation(source),
            "order": index,
            "where": where,
            "source": text,
        }
