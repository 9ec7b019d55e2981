"""The losses of the engine: predictions against targets, and what feeds them.

A loss is an op of that name, or a difference between what the network gives and a large constant,
on the loss side: `(prediction − target) ** 2`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ...engine.tensors import Tensor
from ...traces.recording import Site
from ..figures import RANGES, range_figures, rms
from .activations import activation_of
from .graph import SHAPING, Graph, Sites, Visited, placed, producer

CLASSIFYING = ("cross_entropy", "nll_loss", "multiclass_svm", "hinge_loss")
LOSSES = (
    *CLASSIFYING,
    "cross_entropy_probabilities",
    "squared_error",
    "half_squared_error",
    "absolute_error",
    "huber_loss",
    "smooth_l1_loss",
    "bce",
    "bce_with_logits",
    "kl_divergence",
)
BY_HAND = {
    "power": "squared_error",
    "square": "squared_error",
    "multiply": "squared_error",
    "absolute": "absolute_error",
    "huber": "huber_loss",
    "clip": "squared_error",
}
"""What a difference is by the op that takes it."""

MOST_LOSSES = 64  # of one walk
PASSING = (*SHAPING, "getitem", "gather")


class Met(NamedTuple):
    """One loss as it was met."""

    node: Visited
    op: str
    attributes: dict[str, Any]
    figures: dict[str, float]


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
        self._met.append(Met(visited, name, attributes, loss_figures(name, given, target)))

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
                taken = (node.op for node, _ in consumers.get(met.node.serial, ()))
                op = next((BY_HAND[name] for name in taken if name in BY_HAND), "")
                if not op:
                    continue
            key = ("loss", sites.key_of(met.node.where), op, met.attributes["fed_by"])

            def make(met: Met = met, op: str = op) -> Site:
                where, source = placed(met.node.where)
                return Site(op, "loss", where, "loss", source=source, attributes=met.attributes)

            site = sites.find(key, make)
            if site is not None:
                found.setdefault(site, met.figures)
        return found


def loss_figures(name: str, prediction: Any, target: Any) -> dict[str, float]:
    """Measure the two sides of a loss."""
    with np.errstate(all="ignore"):
        figures = range_figures("prediction", prediction)
        if name in ("cross_entropy", "nll_loss", "multiclass_svm") and prediction.ndim >= 2:
            figures["classes"] = float(prediction.shape[1])
        elif name == "cross_entropy_probabilities":
            figures["classes"] = float(prediction.shape[-1])
        if isinstance(target, np.ndarray) and target.size:
            figures |= range_figures("target", target)
            if name not in CLASSIFYING:
                figures["target_rms"] = rms(target)
                if target.ndim >= 2:
                    sums = np.sum(target[:256], axis=-1, dtype=np.float64)
                    figures["target_sums_min"] = float(np.min(sums))
                    figures["target_sums_max"] = float(np.max(sums))
        return figures


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
