"""The structure of one walk of the engine with its leaves, and the sites of a run by key."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ...engine.recorder import OUTPUT
from ...engine.tensors import Tensor
from ...traces.locations import locate, source_lines
from ...traces.recording import Site
from ...traces.trace import Location

MOST_NODES = 200_000  # of one walk, as in engine_probe.py
MOST_SITES = 2_000

SHAPING = ("reshape", "transpose", "moveaxis", "squeeze", "expand_dims", "broadcast_to", "astype")
"""Ops that move numbers and change none."""

Place = tuple[Any, int] | None


class Visited(NamedTuple):
    """One node: serial number, op, place, and for each input a node (> 0), a leaf (< 0) or 0.

    Leaf i of the graph is −1 − i.
    """

    serial: int
    op: str
    where: Place
    sources: tuple[int, ...]


class Graph:
    """What a walk has visited, latest node first, and its trainable leaves."""

    def __init__(self) -> None:
        self.nodes: list[Visited] = []
        self.leaves: list[Tensor] = []
        self._leaf_index: dict[int, int] = {}
        self._consumers: tuple[int, dict[int, list[tuple[Visited, int]]]] = (0, {})

    def add(self, node: Tensor) -> Visited | None:
        """Take note of one node, None where there are too many."""
        if len(self.nodes) >= MOST_NODES or node.op is None:
            return None
        sources = tuple(self.source(x) for x in node.inputs)
        visited = Visited(node.serial, node.op.name, node.where, sources)
        self.nodes.append(visited)
        return visited

    def source(self, x: Any) -> int:
        """Return how an input is remembered: a node by its serial number, a leaf by its index."""
        if x.__class__ is not Tensor:
            return 0
        if x.op is OUTPUT:
            x = x.inputs[0]
        if not x.wanted:
            return 0
        if x.op is not None:
            return int(x.serial)
        index = self._leaf_index.get(id(x))
        if index is None:
            index = self._leaf_index[id(x)] = len(self.leaves)
            self.leaves.append(x)
        return -1 - index

    def consumers(self) -> dict[int, list[tuple[Visited, int]]]:
        """Return for each node and leaf who takes it, and as which input; latest first."""
        known, found = self._consumers
        for node in self.nodes[known:]:
            for position, source in enumerate(node.sources):
                if source:
                    found.setdefault(source, []).append((node, position))
        self._consumers = (len(self.nodes), found)
        return found

    def distances(self) -> dict[int, int]:
        """Return for each node and leaf the number of ops on the shortest way to the loss."""
        found: dict[int, int] = {}
        for node in self.nodes:
            own = found.setdefault(node.serial, 0)
            for source in node.sources:
                if source and found.get(source, own + 2) > own + 1:
                    found[source] = own + 1
        return found


def through_shaping(
    consumers: dict[int, list[tuple[Visited, int]]], source: int
) -> list[tuple[Visited, int, bool]]:
    """Return who takes a value in the end, as which input, and whether transposed on the way."""
    found: list[tuple[Visited, int, bool]] = []
    stack = [(source, False, 0)]
    while stack:
        at, turned, depth = stack.pop()
        for node, position in consumers.get(at, ()):
            if node.op in SHAPING and depth < 8:
                stack.append((node.serial, turned ^ (node.op == "transpose"), depth + 1))
            else:
                found.append((node, position, turned))
    return found


class Sites:
    """The sites of a run by what tells them apart; `add_site` gives a new one its number."""

    def __init__(self, add_site: Callable[[Site], int]) -> None:
        self._add = add_site
        self._known: dict[Any, int] = {}
        self._codes: dict[int, Any] = {}  # holding a code object keeps its id from being used again

    def __len__(self) -> int:
        return len(self._known)

    def find(self, key: Any, make: Callable[[], Site]) -> int | None:
        """Return the number of a site, made on first need; None if there are too many already."""
        known = self._known.get(key)
        if known is None and len(self._known) < MOST_SITES:
            known = self._known[key] = self._add(make())
        return known

    def key_of(self, where: Place) -> tuple[int, int]:
        """Return what stands for a place in keys."""
        if where is None:
            return (0, 0)
        code, lasti = where
        self._codes[id(code)] = code
        return id(code), lasti


def placed(where: Place) -> tuple[Location | None, str]:
    """Return the place in the user's words, and its source lines."""
    if where is None:
        return None, ""
    place = locate(*where)
    return place, "\n".join(source_lines(place, context=0)[1])


def producer(x: Any, through: Sequence[str] = SHAPING) -> Any:
    """Return the node that computed a value, before ops that only pass it on; else None."""
    while x.__class__ is Tensor and x.op is not None:
        if x.op is OUTPUT or x.op.name in through:
            x = x.inputs[0] if x.inputs else None
            continue
        return x
    return None
