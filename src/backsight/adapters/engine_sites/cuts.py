"""Where values leave the engine's graph, and whether they come back to the loss as constants.

`detach()`, `.value`, `.item()` and calls inside `no_grad()` are noted as they happen: which
expression, and the trainable leaves behind it. What they hand out is recognised when a walk meets
it among the constants of a node: the same array (or a view, or a copy of it: then by its numbers).
What NumPy computes from a `.value` cannot be followed; it is told apart by `returned` = 0. Choices
and comparisons (`np.argmax(t)`, `t > 0`) hand out plain arrays and are not noted at all.
"""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from ...engine.tensors import Tensor
from ...traces.recording import Site
from .graph import Graph, Place, Sites, placed
from .parameters import Parameters

MOST_CUTS = 500  # expressions of one run
MOST_HANDED_OUT = 256  # values between two walks that may be recognised
MOST_COMPARED = 65_536  # elements of an array that is recognised by its numbers
MOST_WALKED = 5_000  # nodes behind a cut
WALKS = 2  # times that the graph behind one expression is looked at


class Cut:
    """One expression at which values leave the graph, with the leaves behind it."""

    def __init__(self, op: str, where: Place) -> None:
        self.op = op
        self.where = where
        self.leaves: dict[int, weakref.ref[Tensor]] = {}
        self._walks = 0

    def learn(self, values: Iterable[Tensor]) -> None:
        """Look at the graph behind some values, unless it is known well enough."""
        if self._walks < WALKS:
            self._walks += 1
            for leaf in leaves_behind(values):
                self.leaves[id(leaf)] = weakref.ref(leaf)


class HandedOut(NamedTuple):
    """A value that has left the graph, and from where."""

    value: Any
    cuts: tuple[Cut, ...]


class Cuts:
    """The cuts of a run, and what was handed out since the last walk."""

    def __init__(self, sites: Sites, parameters: Parameters) -> None:
        self.sites = sites
        self.parameters = parameters
        self._cuts: dict[Any, Cut] = {}
        self._coming: deque[HandedOut] = deque(maxlen=MOST_HANDED_OUT)
        self._met: Sequence[HandedOut] = ()

    def note(
        self, op: str, sources: Iterable[Any], result: Any, where: Callable[[], Place]
    ) -> None:
        """Take note of a value that is handed out: computed from `sources`, at a place."""
        wanting: list[Tensor] = []
        cuts: list[Cut] = []
        for x in sources:
            if x.__class__ is Tensor and x.wanted:
                wanting.append(x)
            else:
                cuts += self._of(x, self._coming)
        cut = self._cut(op, where()) if wanting else None
        if cut is not None:
            cut.learn(wanting)
            cuts.append(cut)
        if cuts:
            self._coming.append(HandedOut(held(recognised(result)), tuple(dict.fromkeys(cuts))))

    def turn(self) -> None:
        """Begin a walk: what was handed out before it may be met in it."""
        self._met, self._coming = self._coming, deque(maxlen=MOST_HANDED_OUT)

    def walk(self) -> CutWalk:
        """Begin to observe a walk."""
        return CutWalk(self, self._met)

    def _cut(self, op: str, where: Place) -> Cut | None:
        key = (op, self.sites.key_of(where))
        found = self._cuts.get(key)
        if found is None and len(self._cuts) < MOST_CUTS:
            found = self._cuts[key] = Cut(op, where)
        return found

    @staticmethod
    def _of(x: Any, handed_out: Iterable[HandedOut]) -> tuple[Cut, ...]:
        """Return the cuts that a constant comes from."""
        value = recognised(x)
        if value is None:
            return ()
        return next((each.cuts for each in handed_out if same(each.value, value)), ())


class CutWalk:
    """What of the values handed out a walk meets among the constants of its nodes."""

    def __init__(self, cuts: Cuts, met: Sequence[HandedOut]) -> None:
        self.cuts = cuts
        self._handed_out = met
        self._returned: dict[int, Cut] = {}

    def node(self, node: Tensor) -> None:
        """Look at the constants of one node."""
        if not self._handed_out or node.op is None:
            return
        for x in (*node.inputs, *node.saved[: len(node.op.attributes)]):
            if x.__class__ is Tensor and x.wanted:
                continue
            for cut in self.cuts._of(x, self._handed_out):
                self._returned[id(cut)] = cut

    def finished(self, graph: Graph) -> dict[int, dict[str, float]]:
        """Return the figures of the cuts behind which there are leaves that were not reached."""
        reached = {id(leaf) for leaf in graph.leaves}
        found: dict[int, dict[str, float]] = {}
        everything = {id(cut): cut for each in self._handed_out for cut in each.cuts}
        for key, cut in everything.items():
            leaves = [leaf for ref in cut.leaves.values() if (leaf := ref()) is not None]
            missed = [leaf for leaf in leaves if leaf.wanted and id(leaf) not in reached]
            if not missed:
                continue
            names = sorted(filter(None, map(self.cuts.parameters.name, missed)))
            sites = self.cuts.sites
            site = sites.find(
                ("cut", cut.op, sites.key_of(cut.where), *names), partial(site_of, cut, names)
            )
            if site is not None:
                found[site] = {
                    "upstream": float(len(leaves)),
                    "unreached": float(len(missed)),
                    "returned": float(key in self._returned),
                }
        return found


def site_of(cut: Cut, parameters: list[str]) -> Site:
    """Describe a cut that costs these parameters their gradient."""
    where, source = placed(cut.where)
    return Site(cut.op, "cut", where, source=source, attributes={"parameters": parameters})


def recognised(x: Any) -> Any:
    """Return what a value is recognised by: its array, or a number; None if it is neither."""
    if x.__class__ is Tensor:
        x = x._value
    return x if isinstance(x, np.ndarray | np.generic | float) else None


def held(value: Any) -> Any:
    """Return a way to hold a value: what is large only by a weak reference to its memory."""
    if isinstance(value, np.ndarray) and value.size > MOST_COMPARED:
        return weakref.ref(value if value.base is None else value.base)
    return value


def same(one: Any, other: Any) -> bool:
    """Tell whether two values are one: the same object or memory, or a copy of it."""
    if type(one) is weakref.ref:
        memory = one()
        return memory is not None and (other is memory or getattr(other, "base", None) is memory)
    if one is other:
        return True
    if not (isinstance(one, np.ndarray) and isinstance(other, np.ndarray)):
        return False
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    if one.__array_interface__["data"] == other.__array_interface__["data"]:
        return one.strides == other.strides
    # A copy: by its numbers, unless these are all the same and so may be by chance.
    first = one.flat[:1]
    if one.size < 2 or not np.array_equal(first, other.flat[:1]) or not np.array_equal(one, other):
        return False
    return bool((np.asarray(one) != first).any())


def leaves_behind(values: Iterable[Tensor]) -> list[Tensor]:
    """Return the trainable leaves that values are computed from, of the nearest nodes."""
    nodes = list(values)
    known = {id(node) for node in nodes}
    found = []
    for node in nodes:  # which grows as we go
        if node.op is None:
            found.append(node)
            continue
        for x in node.inputs:
            new = x.__class__ is Tensor and x.wanted and id(x) not in known
            if new and len(nodes) < MOST_WALKED:
                known.add(id(x))
                nodes.append(x)
    return found
