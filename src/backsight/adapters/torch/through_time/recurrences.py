"""One parameter applied again and again: how a gradient fares on its way back through it.

What is asked is what becomes of one step's contribution (see following.py). The latest application
of a weight by one expression is where it begins; it ends at the first that it depends on.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import torch

from ....traces.recording import Site
from ...figures import SLOPES, recurrence_figures, spectral_radius, strided
from ..arrays import array_of, readable
from ..calls import Place
from ..graph import plain_saved
from ..places import placed, within
from .following import Follower, Way, callable_again, find_way, norm_of

if TYPE_CHECKING:
    from ..passes import Pass

FEWEST = 8  # applications that make a recurrence
ALWAYS = 8  # passes in which each recurrence is followed
SHORT_ALWAYS = 20  # passes, for those that are cheap
RARELY = 4  # after those, one in so many at most
CHEAP = 1_000  # nodes on a way; longer ones are followed in fewer passes still
MOST_READ = 512  # applications whose gradients are read as they pass
MOST_FOR_RADIUS = 512  # rows; eigenvalues of more take too long
SLOPED = 256  # elements of one activation, for the mean local derivative
MOST_KNOWN = 4_000  # a program may make new parameters for ever
MOST_SEARCHED = 20_000  # nodes, to tell whether one application depends on another

MISSED = "recurrences whose way back leads through code of the script or packed values"

APPLYING = {
    "matmul": (0, 1),
    "linear": (1, 2),
    "linear_backward": (1,),
    "baddbmm": (1, 2),
    "addmv": (1,),
    "mv": (0,),
    "convolution": (1,),
    "mkldnn_convolution": (1,),
    "mkldnn_rnn_layer": (2,),
}
"""Ops that apply a weight to a value, and which of their inputs it may be."""


class History:
    """What a run knows of its recurrences: in how many passes each was met, and measured."""

    def __init__(self) -> None:
        self._passes: dict[Any, int] = {}
        self._radii: dict[Any, int] = {}

    def due(self, key: Any, length: int) -> bool:
        """Tell whether to follow a recurrence in this pass, given the nodes on its way."""
        if len(self._passes) > MOST_KNOWN:
            self._passes.clear()
            self._radii.clear()
        count = self._passes[key] = self._passes.get(key, 0) + 1
        always = SHORT_ALWAYS if length < CHEAP else ALWAYS
        return count <= always or count % max(RARELY, 1 + length // CHEAP) == 0

    def radius_due(self, key: Any) -> bool:
        """Tell whether to compute the spectral radius now: more and more rarely."""
        count = self._radii[key] = self._radii.get(key, 0) + 1
        return count & (count - 1) == 0


class Applied(NamedTuple):
    """The applications of one leaf by one expression, and what is known before the pass."""

    key: Any
    op: str
    leaf: int
    place: Place
    norms: dict[int, Any]
    way: Way
    figures: dict[str, float]


class Recurrences:
    """The recurrences of one pass."""

    OPS: ClassVar[Collection[str]] = ()

    def __init__(self, seen: Pass) -> None:
        self.seen = seen
        self._groups: dict[Any, list[int]] = {}
        self._followed: list[Applied] = []
        for each in seen.graph.seen:
            if each.op in APPLYING:
                self._group(each.serial, each.op)
        for key, applied in self._groups.items():
            if len(applied) >= FEWEST and seen.graph.leaves[-1 - key[2]].ndim >= 2:
                self._prepare(key, applied)

    def node(self, serial: int, node: Any) -> None:
        """Do nothing: a recurrence is many nodes, which are looked for together."""

    def _group(self, serial: int, op: str) -> None:
        """Take note of a node that applies a weight."""
        seen = self.seen
        place = seen.places[serial]
        if place is None:
            return
        sources = seen.graph.sources[serial - 1]
        for position in APPLYING[op]:
            if position < len(sources):
                leaf = seen.structure.behind(sources[position])
                if leaf < 0:
                    key = (seen.probes.key_of(place), op, leaf)
                    self._groups.setdefault(key, []).append(serial)

    def _prepare(self, key: Any, applied: list[int]) -> None:
        """Have the gradient measured on its way back through applications of one weight."""
        seen = self.seen
        nodes, numbers = seen.graph.nodes, self._number
        applied.sort(key=numbers, reverse=True)
        if not self._recurs(applied):
            return
        place_key, op, leaf = key
        parameter = seen.graph.leaves[-1 - leaf]
        history = seen.probes.recurrences
        known = (place_key, op, id(parameter))
        if not history.due(known, len(applied) * 4):
            return
        way = find_way(seen.structure, applied, self._call, applied[0])
        if way is None:
            seen.missed.add("recurrences with too many operations on their way back")
            return
        place = seen.places[applied[0]]
        if len(way.applied) < FEWEST or place is None:
            return
        found = Applied(known, op, leaf, place, {}, way, {})
        single = all(len(each) == 1 for each in way.measured) and not way.mixed
        if way.alone and single and len(way.applied) <= MOST_READ:
            for serial, (at,) in zip(way.applied, way.measured, strict=True):
                seen.hook(nodes[at - 1], partial(_read, found.norms, serial), before=True)
        elif callable_again([nodes[serial - 1] for serial in way.order], seen.hooked):
            follower = Follower(way, seen.graph, self._call)
            measure = partial(self._follow, found, follower)
            seen.hook(nodes[way.start - 1], measure, before=True)
        else:
            seen.missed.add(MISSED)
            return
        if square(parameter) and readable(parameter) and history.radius_due(known):
            found.figures["spectral_radius"] = spectral_radius(array_of(parameter))
            slope = self._slope(way)
            if slope is not None:
                found.figures["slope"] = slope
        self._followed.append(found)

    def finished(self) -> None:
        """Name the sites and add their figures."""
        for each in self._followed:
            norms = as_numbers(each.norms.get(serial) for serial in each.way.applied)
            if len(norms) < FEWEST or not (norms[0] > 0 and all(map(math.isfinite, norms[:2]))):
                continue
            site = self._site(each)
            if site is not None:
                self.seen.figures[site] = {**recurrence_figures(norms), **each.figures}

    def _follow(self, found: Applied, follower: Follower, left: Any, arrived: Any) -> None:
        try:
            follower.follow(arrived)
        except (RuntimeError, TypeError):  # a saved value was overwritten, say, or memory is short
            self.seen.missed.add(MISSED)
            follower.norms.clear()
        found.norms.update(zip(found.way.applied, follower.norms, strict=False))

    def _site(self, each: Applied) -> int | None:
        leaf, name = self.seen.graph.leaves[-1 - each.leaf], self._name(each.leaf)

        def make() -> Site:
            where, source = placed(each.place)
            about = {"parameter": name, "shape": list(leaf.shape), **within(each.place)}
            module = name.rpartition(".")[0]
            return Site(each.op, "recurrence", where, "hidden", module, name, 0, source, about)

        probes = self.seen.probes
        key = (probes.key_of(each.place), each.op, name, tuple(leaf.shape))
        return probes.find(("recurrence", *key), make)

    def _name(self, leaf: int) -> str:
        return self.seen.probes.parameters.names.of(self.seen.graph.leaves[-1 - leaf])

    def _call(self, serial: int) -> int | None:
        place = self.seen.places[serial]
        return place.after if place is not None else None

    def _number(self, serial: int) -> int:
        number: int = self.seen.graph.nodes[serial - 1]._sequence_nr()
        return number

    def _recurs(self, applied: list[int]) -> bool:
        """Tell whether each application takes what the one before it gave; three pairs do."""
        pairs = list(itertools.pairwise(applied))
        chosen = [pairs[0], pairs[len(pairs) // 2], pairs[-1]]
        return sum(self._reaches(later, earlier) for later, earlier in chosen) >= 2

    def _reaches(self, later: int, earlier: int) -> bool:
        """Tell whether a node depends on another, among those made after that one."""
        oldest = self._number(earlier)
        stack, known = [later], {later}
        while stack and len(known) < MOST_SEARCHED:
            for source in self.seen.graph.sources[stack.pop() - 1]:
                if source == earlier:
                    return True
                if source > 0 and source not in known and self._number(source) > oldest:
                    known.add(source)
                    stack.append(source)
        return False

    def _slope(self, way: Way) -> float | None:
        """Return the mean local derivative of the activations between the applications."""
        found = []
        for serial in way.order:
            op = self.seen.structure.op(serial)
            if op in ("tanh", "relu", "sigmoid"):
                kept = plain_saved(self.seen.graph.nodes[serial - 1], "result")
                if kept is not None and readable(kept):
                    out = strided(array_of(kept), SLOPED).astype(float)
                    slope = float(SLOPES[op](out, out).mean())
                    found.append(0.25 * slope if op == "sigmoid" else slope)
            if serial == way.applied[-1]:
                break
        return sum(found) / len(found) if found else None


def square(parameter: torch.Tensor) -> bool:
    """Tell whether a weight has a spectral radius, and one that is quickly found."""
    shape = parameter.shape
    return len(shape) == 2 and shape[0] == shape[1] <= MOST_FOR_RADIUS


def _read(norms: dict[int, Any], serial: int, left: Any, arrived: Any) -> None:
    norms[serial] = norm_of(arrived)


def as_numbers(norms: Iterable[Any]) -> list[float]:
    """Return norms as numbers, up to the first that is not known; read back from a device once."""
    known = list(itertools.takewhile(lambda norm: norm is not None, norms))
    return [float(x) for x in torch.stack(known).tolist()] if known else []
