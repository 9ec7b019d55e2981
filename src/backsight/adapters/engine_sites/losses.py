"""The losses of the engine: predictions against targets, and what feeds them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ...engine.tensors import Tensor
from ...traces.recording import Site
from ..comparing import BY_HAND, LOSSES, MOST_LOSSES, THROUGH, loss_figures
from ..figures import RANGES
from .activations import activation_of
from .graph import SHAPING, Graph, Sites, Visited, placed, producer

PASSING = (*SHAPING, "getitem", "gather")
AVERAGING = ("mean", "sum")
PRODUCTS = ("multiply", "matmul", "dot")

Consumers = dict[int, list[tuple[Visited, int]]]


class Met(NamedTuple):
    """One loss as it was met."""

    node: Visited
    op: str
    attributes: dict[str, Any]
    figures: dict[str, float]
    reduction: str


class Losses:
    """The losses of one walk."""

    def __init__(self) -> None:
        self._met: list[Met] = []

    def node(self, node: Tensor, visited: Visited) -> None:
        """Measure a node, if it may be a loss."""
        assert node.op is not None
        name = node.op.name
        if len(self._met) >= MOST_LOSSES or (name not in LOSSES and name != "subtract"):
            return
        if name == "subtract":
            if node.wanted not in (1, 2):
                return
            live = node.wanted >> 1
            prediction, target = node.inputs[live], _array(node.inputs[1 - live])
            if not isinstance(target, np.ndarray) or target.size < 2:
                return
        else:
            prediction = node.inputs[0]
            target = _target(node)
        given = _array(prediction)
        if not isinstance(given, np.ndarray):
            return
        fed_by = op_before(prediction)
        low, high = RANGES.get(fed_by, (None, None))
        attributes = {
            "prediction_shape": list(given.shape),
            "target_shape": list(np.shape(target)) if target is not None else None,
            "fed_by": fed_by,
            "low": low,
            "high": high,
        }
        known = target if isinstance(target, np.ndarray) else None
        figures = loss_figures("squared_error" if name == "subtract" else name, given, known)
        saved = dict(zip(node.op.attributes, node.saved, strict=False))
        self._met.append(Met(visited, name, attributes, figures, str(saved.get("reduction", ""))))

    def finished(
        self, graph: Graph, sites: Sites, sides: dict[int, str]
    ) -> dict[int, dict[str, float]]:
        """Return the figures by site."""
        found: dict[int, dict[str, float]] = {}
        if not self._met:
            return found
        consumers = graph.consumers()
        for met in self._met:
            op = met.op
            if sides.get(met.node.serial, "loss") != "loss":
                continue
            if op == "subtract":
                op = made_of(consumers, met.node)
                if not op:
                    continue
            key = ("loss", sites.key_of(met.node.where), op, met.attributes["fed_by"])
            met.attributes.update(reduced(consumers, met))

            def make(met: Met = met, op: str = op) -> Site:
                where, source = placed(met.node.where)
                return Site(op, "loss", where, "loss", source=source, attributes=met.attributes)

            site = sites.find(key, make)
            if site is not None:
                found.setdefault(site, met.figures)
        return found


def made_of(consumers: Consumers, difference: Visited) -> str:
    """Return what loss is made of a difference, past a clip or a mask; "" if none."""
    after = [node for node, _ in consumers.get(difference.serial, ())]
    beyond = [
        node for each in after if each.op in THROUGH for node, _ in consumers.get(each.serial, ())
    ]
    return next(
        (BY_HAND[name] for node in (*after, *beyond) if (name := form(node)) in BY_HAND), ""
    )


def form(node: Visited) -> str:
    """Return the op of a node, `square` for a product with itself."""
    itself = node.op in PRODUCTS and node.sources[0] == node.sources[1] > 0
    return "square" if itself else node.op


def reduced(consumers: Consumers, met: Met) -> dict[str, Any]:
    """Return how a loss is reduced, and whether it is all that the walk begins with."""
    reduction = met.reduction if met.reduction in AVERAGING else ""
    at, by_hand = met.node, met.op == "subtract"
    while True:
        after = {node.serial: node for node, _ in consumers.get(at.serial, ())}
        if not after:
            return {"reduction": reduction or "none", "whole": True}
        at = next(iter(after.values()))
        name = form(at)
        inside = by_hand and name in (*BY_HAND, *THROUGH)
        by_hand = by_hand and name in THROUGH
        if len(after) > 1 or not (name in AVERAGING or name in SHAPING or inside):
            return {"reduction": reduction or "none", "whole": False}
        if name in AVERAGING:
            reduction = reduction or name


def op_before(x: Any) -> str:
    """Return the op that computed a value, before those that only move numbers; "" for a leaf."""
    node = producer(x, PASSING)
    if node is None or node.op is None:
        return ""
    known = activation_of(node)
    return known[0] if known is not None else str(node.op.name)


def _target(node: Tensor) -> Any:
    assert node.op is not None
    if len(node.inputs) > 1 and node.inputs[1] is not None:
        return _array(node.inputs[1])
    given = dict(zip(node.op.attributes, node.saved, strict=False))
    found = given.get("labels", given.get("targets"))
    return np.asarray(found) if found is not None else None


def _array(x: Any) -> Any:
    return x._value if x.__class__ is Tensor else x
