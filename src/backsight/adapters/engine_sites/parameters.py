"""The parameters of the engine: gradients, and what an update really changed.

A walk shows the gradients; the change is known when the parameter has been written, by an optimiser
or by hand. Until then a measurement is pending. The engine replaces arrays and never writes to
them, so the value before the update is kept at no cost, or as a sample where it is large.
"""

from __future__ import annotations

import re
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...engine.tensors import Tensor
from ...ops.protocol import OPS
from ...traces.calls import texts_of
from ...traces.locations import assigned_name, locate
from ...traces.recording import Site
from ..clearing import Clearing
from ..figures import MOST_SAMPLES, parameter_figures, strided, update_figures
from .graph import MOST_SITES, Graph, Sites, Visited, placed, through_shaping

NORMALISATIONS = (
    "batch_norm", "batch_norm_inference", "layer_norm", "instance_norm", "group_norm", "rms_norm",
)  # fmt: skip
ELEMENTWISE = ("add", "subtract", "multiply", "divide", "prelu", "maximum", "minimum")
MOST_PARAMETERS = 1_000
MOST_REMEMBERED = 4_000

Arguments = Sequence[tuple[str, Tensor]]
"""What a function is differentiated by: leaves made for this one call, with their names."""

Record = Callable[[int, Mapping[int, Mapping[str, float]]], None]


@dataclass(slots=True)
class Pending:
    """What a walk showed of a parameter, waiting for the update."""

    step: int
    leaf: weakref.ref[Tensor]
    site: int
    figures: dict[str, float]
    before: Any
    gradient: Any
    serial: int
    shape: tuple[int, ...]
    argument: str = ""


class Parameters:
    """Every parameter of a run; `record(step, figures)` takes what is measured, once complete."""

    def __init__(self, sites: Sites, record: Record) -> None:
        self.sites = sites
        self.record = record
        self._known: dict[int, tuple[weakref.ref[Tensor], int, str]] = {}
        self._owners: dict[int, tuple[weakref.ref[Tensor], str]] = {}
        self._pending: dict[int, Pending] = {}  # by site
        self._clearing = Clearing(without_gradient, lambda leaf: id(leaf.grad))
        self._stepped = False  # an optimiser has made an update since the last walk
        self._names: dict[tuple[Any, ...], weakref.ref[Tensor]] = {}
        self._given: dict[int, str] = {}  # names of the arguments of the walk at hand

    def own(self, leaves: list[Tensor], optimizer: str) -> None:
        """Take note that an optimiser of this class updates these parameters."""
        for leaf in leaves:
            self._owners[id(leaf)] = (weakref.ref(leaf), optimizer)

    def owner(self, leaf: Tensor) -> str:
        """Return the class of the optimiser that updates a parameter, "" if none does."""
        found = self._owners.get(id(leaf))
        return found[1] if found is not None and found[0]() is leaf else ""

    def name(self, leaf: Tensor) -> str:
        """Return what a parameter is called."""
        known = self._known.get(id(leaf))
        return known[2] if known is not None and known[0]() is leaf else called(leaf)

    def walked(
        self, step: int, graph: Graph, arguments: Arguments = ()
    ) -> dict[int, tuple[int | None, str]]:
        """Measure what a walk reached; return site and name of each leaf, coded as in the graph."""
        self._given = {id(leaf): name for name, leaf in arguments}
        consumers, distances = graph.consumers(), graph.distances()
        named: dict[int, tuple[int | None, str]] = {}
        # In the order of the forward, so that ordinals are stable.
        order = sorted(range(len(graph.leaves)), key=lambda i: -distances.get(-1 - i, 0))
        for index in order[:MOST_PARAMETERS]:
            leaf, code = graph.leaves[index], -1 - index
            if not isinstance(leaf._value, np.ndarray):
                continue
            if arguments and id(leaf) not in self._given:
                continue  # the function uses it, and asks for no gradient of it
            taken = through_shaping(consumers, code)
            axis = units_along(leaf, taken)
            site, name = self._site(leaf, taken, consumers, distances.get(code), axis)
            named[code] = (site, name)
            if site is None:
                continue
            gradient = leaf.grad if isinstance(leaf.grad, np.ndarray) else None
            figures = parameter_figures(leaf._value, gradient, axis=axis)
            self._release(site, leaf)
            before, slope = sample(leaf._value), sample(gradient) if gradient is not None else None
            self._pending[site] = Pending(
                *(step, weakref.ref(leaf), site, figures, before, slope, leaf.serial, leaf.shape),
                self._given.get(id(leaf), ""),
            )
        return named

    def stepped(self, optimizer: Any) -> None:
        """Complete what an optimiser has updated, and add what no gradient has reached."""
        if not self._pending:
            return
        leaves = leaves_of(optimizer)
        sites = [known[1] if (known := self._known.get(id(leaf))) else 0 for leaf in leaves]
        steps = [self._pending[site].step for site in sites if site in self._pending]
        if not steps:
            return
        self._stepped = True
        found: dict[int, dict[int, Mapping[str, float]]] = {}
        for leaf, known_site in zip(leaves, sites, strict=True):
            pending = self._pending.pop(known_site, None)
            if pending is not None:
                found.setdefault(pending.step, {})[known_site] = completed(pending, leaf)
            elif isinstance(leaf._value, np.ndarray) and len(self.sites) < MOST_SITES:
                site, _ = self._site(leaf, [], {}, None, None)
                if site is not None:
                    gradient = leaf.grad if isinstance(leaf.grad, np.ndarray) else None
                    figures = parameter_figures(leaf._value, gradient)
                    if gradient is None:
                        figures |= {"update_std": 0.0, "unchanged": 1.0}
                    found.setdefault(max(steps), {})[site] = figures
        for step, figures_by_site in found.items():
            self.record(step, figures_by_site)

    def settle(self, arguments: Arguments = ()) -> float | None:
        """Complete what was updated by hand since the last walk; return the rate if it was plain.

        Where some parameters were written and others, in no optimiser, were not, those are
        unchanged. The arguments of a function are new leaves, in place of those of the last call.
        """
        self._clearing.look()
        if arguments and self._pending:
            return self._succeeded(arguments)
        written: list[tuple[Pending, Tensor]] = []
        other: list[tuple[Pending, Tensor]] = []
        for pending in self._pending.values():
            leaf = pending.leaf()
            if leaf is not None:
                (written if leaf.serial != pending.serial else other).append((pending, leaf))
        if not written and not self._stepped:
            return None
        self._stepped = False
        rate = next(filter(None, (plain_rate(*each) for each in written)), None)
        left = [(pending, leaf) for pending, leaf in other if not self.owner(leaf)]
        for pending, leaf in written + left:
            del self._pending[pending.site]
            changed = leaf.serial != pending.serial and not self.owner(leaf)
            kept = self._clearing.updated(leaf) if changed else {}
            self.record(pending.step, {pending.site: completed(pending, leaf) | kept})
        return rate

    def finish(self) -> None:
        """Hand over what no update has followed, at one go."""
        gathered: dict[int, dict[int, Mapping[str, float]]] = {}
        record, self.record = (
            self.record,
            lambda step, new: gathered.setdefault(step, {}).update(new),
        )
        self.settle()
        self.forget()
        for step, figures in gathered.items():
            record(step, figures)

    def forget(self) -> None:
        """Hand over what is pending without its update, which nobody has seen."""
        self._clearing.forget()
        for site in tuple(self._pending):
            self._release(site, None)

    def _succeeded(self, arguments: Arguments) -> float | None:
        """Complete the arguments of the last observed call by those of the next one."""
        rate: float | None = None
        for name, leaf in arguments:
            for pending in [p for p in self._pending.values() if p.argument == name]:
                if isinstance(leaf._value, np.ndarray) and leaf.shape == pending.shape:
                    rate = rate or plain_rate(pending, leaf)
                    self._release(pending.site, leaf)
        return rate

    def _release(self, site: int, successor: Tensor | None) -> None:
        """Hand over what is pending. A leaf made anew in place of the old one is its update."""
        pending = self._pending.pop(site, None)
        if pending is None:
            return
        figures = pending.figures
        if successor is not None and pending.leaf() is not successor:
            after = sample(successor._value)
            if after.shape == pending.before.shape:
                figures = figures | update_figures(pending.before, after)
        self.record(pending.step, {site: figures})

    def _forget(self) -> None:
        """Forget leaves that are gone: a program may make new ones at every step."""
        if len(self._known) > MOST_REMEMBERED:
            self._known = {i: found for i, found in self._known.items() if found[0]() is not None}
            self._owners = {i: found for i, found in self._owners.items() if found[0]() is not None}

    def _site(
        self,
        leaf: Tensor,
        taken: list[tuple[Visited, int, bool]],
        consumers: dict[int, list[tuple[Visited, int]]],
        distance: int | None,
        axis: int | None,
    ) -> tuple[int | None, str]:
        known = self._known.get(id(leaf))
        if known is not None and known[0]() is leaf:
            return known[1], known[2]
        self._forget()
        name = self._given.get(id(leaf)) or called(leaf) or entering_as(taken)
        first = min((node for node, _, _ in taken), key=lambda n: n.serial, default=None)
        place = self.sites.key_of(first.where if first is not None and not name else None)
        ordinal = 0
        while True:  # a leaf that is gone hands its site on: some programs make new ones each step
            key = ("parameter", name, leaf.shape, place, ordinal)
            holder = self._names.get(key)
            if holder is None or holder() is None:
                break
            ordinal += 1

        def make() -> Site:
            where, source = placed(leaf.where)
            attributes = {
                "shape": list(leaf.shape),
                "distance": distance,
                "weight": is_weight(leaf, taken),
                "normalised": feeds_normalisation(taken, consumers),
                "optimizer": self.owner(leaf),
                "units": leaf.shape[axis] if axis is not None and leaf.ndim else None,
            }
            module = name.rpartition(".")[0]
            return Site(
                "parameter",
                "parameter",
                where,
                "parameter",
                module,
                name,
                ordinal,
                source,
                attributes,
            )

        site = self.sites.find(key, make)
        if site is not None:
            self._names[key] = weakref.ref(leaf)
            self._known[id(leaf)] = (weakref.ref(leaf), site, name)
        return site, name


def leaves_of(optimizer: Any) -> list[Tensor]:
    """List the Tensors that an optimiser updates."""
    found = getattr(optimizer, "parameters", ())
    found = found.values() if isinstance(found, Mapping) else found
    return [t for t in found if t.__class__ is Tensor] if isinstance(found, Iterable) else []


def rate_of(optimizer: Any) -> float | None:
    """Return the learning rate of an optimiser, None where it is no number."""
    rate = getattr(optimizer, "learning_rate", getattr(optimizer, "lr", None))
    try:
        return float(rate) if rate is not None else None
    except (TypeError, ValueError):
        return None


def without_gradient(leaf: Tensor) -> bool:
    """Tell whether a parameter has no gradient, or one of zeros."""
    return leaf.grad is None or not np.any(leaf.grad)


def sample(value: Any) -> Any:
    """Return the array itself where it is small, a strided copy where it is large."""
    flat = strided(value, MOST_SAMPLES)
    return flat if value.size <= MOST_SAMPLES else flat.copy()


def completed(pending: Pending, leaf: Tensor) -> dict[str, float]:
    """Return the figures of a parameter with those of its update."""
    if leaf.serial == pending.serial:
        return pending.figures | {"update_std": 0.0, "unchanged": 1.0}
    return pending.figures | update_figures(pending.before, sample(leaf._value))


def plain_rate(pending: Pending, leaf: Tensor) -> float | None:
    """Return lr where the update was value − lr · gradient, None where it was something else."""
    if pending.gradient is None or pending.gradient.shape != pending.before.shape:
        return None
    with np.errstate(all="ignore"):
        change = pending.before.astype(np.float64) - sample(leaf._value)
        slope = pending.gradient.astype(np.float64)
        square = float(np.dot(slope, slope))
        rate = float(np.dot(change, slope)) / square if square > 0 else 0.0
        rest = float(np.max(np.abs(change - rate * slope), initial=0.0))
        largest = float(np.max(np.abs(change), initial=0.0))
    return rate if rate > 0 and rest <= 1e-3 * largest else None


def is_weight(leaf: Tensor, taken: list[tuple[Visited, int, bool]]) -> bool:
    """Tell whether a parameter multiplies across units: two axes or more, and not elementwise."""
    return leaf.ndim >= 2 and not (taken and all(node.op in ELEMENTWISE for node, _, _ in taken))


def units_along(leaf: Tensor, taken: list[tuple[Visited, int, bool]]) -> int | None:
    """Return the axis of a weight along which its units lie, None where there is none."""
    for node, position, turned in taken:
        axis: int | None = None
        if node.op in ("matmul", "dot") and leaf.ndim == 2:
            axis = 1 if position == 1 else 0
        elif node.op in ("linear", "rnn_cell", "lstm_cell", "gru_cell") and leaf.ndim == 2:
            axis = 1
        elif node.op in ("conv1d", "conv2d") and position == 1:
            axis = 0
        elif node.op in ("conv_transpose1d", "conv_transpose2d") and position == 1:
            axis = 1
        if axis is not None:
            return 1 - axis if turned else axis
    return None


def feeds_normalisation(
    taken: list[tuple[Visited, int, bool]],
    consumers: dict[int, list[tuple[Visited, int]]],
) -> bool:
    """Tell whether what a parameter enters goes into a normalisation, past a bias at most."""
    at = [node for node, _, _ in taken if node.op not in NORMALISATIONS]
    for _ in range(2):
        after = [n for node in at for n, _, _ in through_shaping(consumers, node.serial)]
        if any(node.op in NORMALISATIONS for node in after):
            return True
        at = [node for node in after if node.op == "add"]
    return False


def called(leaf: Tensor) -> str:
    """Return what the user calls a parameter, "" where that is not known from the leaf alone.

    A name beats the variable that it was made for, but not if it is a mere place in a list.
    """
    if leaf.name and not leaf.name.replace(".", "").isdigit():
        return leaf.name
    made = assigned_name(locate(*leaf.where)) if leaf.where is not None else ""
    return made or leaf.name


def entering_as(taken: list[tuple[Visited, int, bool]]) -> str:
    """Return what the user calls a parameter where it is first used, "" where that is no name."""
    for node, position, _ in reversed(taken):
        if node.where is None or node.op not in OPS:
            continue
        inputs = OPS[node.op].names_of(len(node.sources))
        text = texts_of(locate(*node.where), node.op, inputs)[position].removesuffix(".T")
        if re.fullmatch(r"[^\W\d][\w.]*(\[[^\]]*\])?", text):
            return text
    return ""
