"""One parameter applied again and again: how a gradient fares on its way back through it.

A loss at every time step adds gradient all along the way and hides what becomes of any one of them.
So one step's contribution is followed alone: the gradient that arrived at the latest application is
pulled back through the applications before it, and through nothing else. Nothing of the walk is
touched, and no hook of the user is called.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...engine.recorder import OUTPUT
from ...engine.tape import filled, unbroadcast
from ...engine.tensors import Tensor
from ...traces.recording import Site
from ..figures import SLOPES, recurrence_figures, spectral_radius, strided
from .graph import Graph, Sites, Visited, placed

FEWEST = 8  # applications that make a recurrence
MOST_ON_THE_WAY = 50_000  # nodes
MOST_FOR_RADIUS = 512  # rows; eigenvalues of more take too long
SLOPED = 256  # elements of one activation, for the mean local derivative

CELLS = {"rnn_cell": 3, "lstm_cell": 4, "gru_cell": 3}
"""Fused cells, with the position of the weight that is applied to the state."""

Key = tuple[Any, ...]


class Recurrences:
    """The recurrences of a run: found in one observed walk, measured in those after it."""

    def __init__(self, sites: Sites, name_of: Callable[[Tensor], str]) -> None:
        self.sites = sites
        self.name_of = name_of
        self._known: set[tuple[Key, Any]] = set()
        self._measured: dict[int, int] = {}

    def walk(self) -> Following:
        """Begin to observe one walk."""
        return Following(self)

    def known(self, key: Key, weight: Tensor) -> bool:
        """Tell whether a weight of this shape is known to be applied again and again there."""
        return (key, weight.shape) in self._known

    def learn(self, graph: Graph) -> None:
        """Find the recurrences in the structure of a walk."""
        groups: dict[tuple[Any, ...], list[Visited]] = {}
        by_serial = {node.serial: node for node in graph.nodes}
        for node in graph.nodes:
            source = weight_source(node, by_serial)
            if source:
                groups.setdefault((node.where, node.op, source), []).append(node)
        for (where, op, source), applied in groups.items():
            leaf = graph.leaves[-1 - source]
            if len(applied) < FEWEST or leaf.ndim < 2:
                continue
            key = (*self.sites.key_of(where), op)
            if not self.known(key, leaf) and recurs(applied, by_serial):
                self._known.add((key, leaf.shape))

    def site(self, key: Key, node: Tensor, weight: Tensor) -> int | None:
        """Return the number of the site of a recurrence."""
        name = self.name_of(weight)

        def make() -> Site:
            where, source = placed(node.where)
            attributes = {"parameter": name, "shape": list(weight.shape)}
            module = name.rpartition(".")[0]
            assert node.op is not None
            return Site(
                node.op.name, "recurrence", where, "hidden", module, name, 0, source, attributes
            )

        return self.sites.find(("recurrence", key, name, weight.shape), make)

    def radius_due(self, site: int) -> bool:
        """Tell whether to compute the spectral radius now: more and more rarely."""
        count = self._measured[site] = self._measured.get(site, 0) + 1
        return count & (count - 1) == 0


class Following:
    """The recurrences of one walk."""

    def __init__(self, owner: Recurrences) -> None:
        self.owner = owner
        self.figures: dict[int, dict[str, float]] = {}
        self._done: set[tuple[Key, int]] = set()

    def node(self, node: Tensor, dout: Any) -> None:
        """Follow the gradient back from the latest application of a known recurrence."""
        if not self.owner._known:
            return
        weight = weight_of(node)
        if weight is None or node.op is None:
            return
        key = (*self.owner.sites.key_of(node.where), node.op.name)
        if (key, id(weight)) in self._done or not self.owner.known(key, weight):
            return
        self._done.add((key, id(weight)))
        followed = follow(node, dout, weight)
        site = self.owner.site(key, node, weight) if followed is not None else None
        if followed is None or site is None:
            return
        norms, slope = followed
        figures = recurrence_figures(norms)
        if slope is not None:
            figures["slope"] = slope
        shape = weight.shape
        square = len(shape) == 2 and shape[0] == shape[1] <= MOST_FOR_RADIUS
        if square and self.owner.radius_due(site):
            figures["spectral_radius"] = spectral_radius(weight._value)
        self.figures[site] = figures


def weight_of(node: Tensor) -> Tensor | None:
    """Return the trainable leaf that an op applies to a value, None if it applies none."""
    assert node.op is not None
    inputs = node.inputs
    if node.op.name in CELLS:
        inputs = inputs[CELLS[node.op.name] : CELLS[node.op.name] + 1]
    elif node.op.name not in ("matmul", "dot", "linear", "einsum"):
        return None
    for x in inputs:
        while x.__class__ is Tensor and x.op is not None and x.op.name in ("transpose", "reshape"):
            x = x.inputs[0] if x.inputs else None
        if x.__class__ is Tensor and x.op is None and x.wanted and x.ndim >= 2:
            return x
    return None


def weight_source(node: Visited, by_serial: dict[int, Visited]) -> int:
    """Return the weight of a visited node, coded as in its sources; 0 if there is none."""
    sources = node.sources
    if node.op in CELLS:
        sources = sources[CELLS[node.op] : CELLS[node.op] + 1]
    elif node.op not in ("matmul", "dot", "linear", "einsum"):
        return 0
    for source in sources:
        while source > 0 and source in by_serial:
            behind = by_serial[source]
            if behind.op not in ("transpose", "reshape"):
                break
            source = behind.sources[0]
        if source < 0:
            return source
    return 0


def recurs(applied: list[Visited], by_serial: dict[int, Visited]) -> bool:
    """Tell whether each application takes what the one before it gave; three pairs are enough."""
    pairs = list(itertools.pairwise(applied))
    chosen = [pairs[0], pairs[len(pairs) // 2], pairs[-1]]
    return sum(reaches(later, earlier, by_serial) for later, earlier in chosen) >= 2


def reaches(later: Visited, earlier: Visited, by_serial: dict[int, Visited]) -> bool:
    """Tell whether one node depends on another."""
    stack, seen = list(later.sources), set()
    while stack:
        serial = stack.pop()
        if serial == earlier.serial:
            return True
        if serial > earlier.serial and serial not in seen and serial in by_serial:
            seen.add(serial)
            stack.extend(by_serial[serial].sources)
    return False


def follow(node: Tensor, dout: Any, weight: Tensor) -> tuple[list[float], float | None] | None:
    """Pull a gradient back from one application to the first; None where that cannot be done.

    Returns its norm at every application, the latest first, and the mean local derivative of the
    activations on the way.
    """
    assert node.op is not None
    order = ancestors(node)
    if order is None:
        return None
    same = (node.where, node.op.name)
    useful: set[int] = set()
    applications = 0
    for each in reversed(order):  # in order of computation
        mine = each.op is not None and (each.where, each.op.name) == same
        if mine and weight_of(each) is weight:
            applications += 1
        elif not any(id(x) in useful for x in each.inputs):
            continue
        useful.add(id(each))
        hooked = each is not node and each.extra is not None and each.extra.hooks
        if hooked or not (each.op is OUTPUT or is_ours(each)):
            return None  # what the user wrote must not be called twice
    if applications < FEWEST:
        return None
    with np.errstate(all="ignore"):
        return pulled(order, useful, node, dout, weight, applications)


def is_ours(node: Tensor) -> bool:
    """Tell whether an op is one of the package, whose backward has no effects."""
    return node.op is not None and node.op.__module__.startswith("backsight.ops")


def pulled(
    order: list[Tensor],
    useful: set[int],
    node: Tensor,
    dout: Any,
    weight: Tensor,
    applications: int,
) -> tuple[list[float], float | None] | None:
    """Run the backward of the useful nodes, in values of our own."""
    arrived: dict[int, Any] = {id(node): dout}
    norms: list[float] = []
    slopes: list[float] = []
    for each in order:
        gradient = arrived.pop(id(each), None)
        if gradient is None or id(each) not in useful:
            continue
        op: Any = each.op
        if op is OUTPUT:
            collect(each, gradient, arrived)
            continue
        gradient = filled(each, gradient) if gradient.__class__ is list else gradient
        if op.name == node.op.name and each.where == node.where and weight_of(each) is weight:  # type: ignore[union-attr]
            norms.append(norm_of(gradient))
            if len(norms) == applications:
                break
        slope = slope_of(each)
        if slope is not None:
            slopes.append(slope)
        mask = sum(1 << i for i, x in enumerate(each.inputs) if id(x) in useful)
        if not mask:
            continue
        for x, dx in op.pulls[mask](each, gradient):
            dx = unbroadcast(each, x, dx) if dx.shape != x._value.shape else dx
            arrived[id(x)] = arrived[id(x)] + dx if id(x) in arrived else dx
    if len(norms) < FEWEST or not (norms[0] > 0 and all(map(math.isfinite, norms[:2]))):
        return None
    return norms, sum(slopes) / len(slopes) if slopes else None


def collect(output: Tensor, gradient: Any, arrived: dict[int, Any]) -> None:
    """Add the gradient of one output at the node of an op of several."""
    bundle, index = output.inputs[0], output.saved[0]
    parts = arrived.setdefault(id(bundle), [None] * len(bundle._value))
    parts[index] = gradient if parts[index] is None else parts[index] + gradient


def ancestors(node: Tensor) -> list[Tensor] | None:
    """List a node and all it depends on, latest first; None where they are too many or freed."""
    seen = {id(node)}
    found = [node]
    for each in found:
        if not each.inputs and each.op is not None:
            return None
        for x in each.inputs:
            if x.__class__ is Tensor and x.op is not None and x.wanted and id(x) not in seen:
                seen.add(id(x))
                found.append(x)
        if len(found) > MOST_ON_THE_WAY:
            return None
    found.sort(key=lambda each: each.serial, reverse=True)
    return found


def slope_of(node: Tensor) -> float | None:
    """Return the mean local derivative of an activation, None for other nodes."""
    assert node.op is not None
    name = node.op.name if node.op.name != "rnn_cell" else "tanh"
    if name not in ("tanh", "relu", "sigmoid") or not isinstance(node._value, np.ndarray):
        return None
    out = strided(node._value, SLOPED).astype(np.float64)
    if node.op.name == "rnn_cell":
        given = dict(zip(node.op.attributes, node.saved, strict=False))
        name = str(given.get("nonlinearity", "tanh"))
    local = float(np.mean(SLOPES[name](out, out)))
    return 0.25 * local if name == "sigmoid" else local


def norm_of(gradient: Any) -> float:
    """Return the norm of a gradient, of all outputs together where there are several."""
    parts = gradient if isinstance(gradient, list) else [gradient]
    with np.errstate(all="ignore"):
        squares = (np.sum(np.square(np.asarray(part, dtype=np.float64))) for part in parts)
        return math.sqrt(float(sum(squares)))
