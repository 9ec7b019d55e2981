"""The activations of the engine: which nodes are one, and what is measured there."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ...engine.tensors import Tensor
from ...traces.recording import Site
from ..figures import ACTIVATIONS, ROWWISE, activation_figures, unit_axis
from ..seen import pool, worth_measuring
from .graph import Graph, Sites, Visited, placed, producer

NEAR = ("add", "subtract", "batch_norm", "batch_norm_inference", "layer_norm", "rms_norm")
"""What may stand between a weight's product and its activation."""

PRODUCTS = ("matmul", "dot", "linear", "einsum")
CONVOLUTIONS = ("conv1d", "conv2d", "conv_transpose1d", "conv_transpose2d")


class Measured(NamedTuple):
    """One application of an activation."""

    node: Visited
    op: str
    weight: int  # the leaf that feeds it, as in Visited.sources; 0 where unknown
    units: int
    figures: dict[str, float]
    active: Any


class Activations:
    """Measure the activations of one walk, then name their sites."""

    def __init__(self, phase: int) -> None:
        self._phase = phase
        self._found: list[Measured] = []
        self._repeats: dict[Any, int] = {}

    def node(self, node: Tensor, visited: Visited, graph: Graph) -> None:
        """Measure one node, if it is an activation."""
        known = activation_of(node)
        if known is None:
            return
        op, x = known
        out = node._value
        if not isinstance(x, np.ndarray) or not isinstance(out, np.ndarray) or not out.size:
            return
        weight, axis = fed_by(node)
        source = graph.source(weight) if weight is not None else 0
        key = (visited.where, op, source)
        self._repeats[key] = self._repeats.get(key, 0) + 1
        if not worth_measuring(self._repeats[key]):
            return
        if op in ROWWISE:
            given = dict(zip(node.op.attributes, node.saved, strict=False)) if node.op else {}
            axis = given["axis"] if isinstance(given.get("axis"), int) else -1
        elif axis is None or not -out.ndim <= axis < out.ndim:
            axis = unit_axis(out.ndim)
        figures, active = activation_figures(op, x, out, axis=axis, phase=self._phase)
        units = out.shape[axis] if out.ndim else 1
        self._found.append(Measured(visited, op, source, units, figures, active))

    def finished(
        self,
        graph: Graph,
        sites: Sites,
        sides: dict[int, str],
        names: dict[int, tuple[int | None, str]],
    ) -> tuple[dict[int, dict[str, float]], dict[int, tuple[int, Any]]]:
        """Return figures and unit counts by site. `names` has site and name of each leaf."""
        figures: dict[int, dict[str, float]] = {}
        units: dict[int, tuple[int, Any]] = {}
        if not self._found:
            return figures, units
        consumers, distances = graph.consumers(), graph.distances()
        ordinals: dict[Any, dict[int, int]] = {}
        for each in reversed(self._found):
            weight_site, weight_name = names.get(each.weight, (None, ""))
            taken = tuple(dict.fromkeys(n.op for n, _ in consumers.get(each.node.serial, ())))
            side = sides.get(each.node.serial, "loss")
            key = sites.key_of(each.node.where)
            counted = ordinals.setdefault((key, each.op), {})
            ordinal = counted.setdefault(each.weight, len(counted))

            def make(
                each: Measured = each,
                ordinal: int = ordinal,
                side: str = side,
                taken: tuple[str, ...] = taken,
                name: str = weight_name,
            ) -> Site:
                where, source = placed(each.node.where)
                attributes = {
                    "units": each.units,
                    "last": side == "loss",
                    "gate": each.op in ("sigmoid", "hard_sigmoid") and taken == ("multiply",),
                    "consumers": list(taken),
                    "distance": distances.get(each.node.serial),
                    "weight": name,
                }
                module = name.rpartition(".")[0]
                return Site(
                    each.op,
                    "activation",
                    where,
                    side,
                    module,
                    ordinal=ordinal,
                    source=source,
                    attributes=attributes,
                )

            known = ("activation", key, each.op, weight_site, ordinal, each.units, side)
            site = sites.find(known, make)
            if site is None:
                continue
            pool(figures.setdefault(site, {}), each.figures)
            if each.active is not None:
                samples, active = units.get(site, (0, 0))
                units[site] = samples + int(each.figures["samples"]), active + each.active
        return figures, units


def activation_of(node: Tensor) -> tuple[str, Any] | None:
    """Return the canonical name of an activation and the array that went in, None for other ops.

    `np.maximum(x, 0)`, `np.where(x > 0, x, 0)` and `1 / (1 + np.exp(-x))` are what they mean.
    """
    assert node.op is not None
    name, inputs = node.op.name, node.inputs
    if name == "softplus":  # its derivative is that of beta · x
        return name, _array(inputs[0]) * _given(node)["beta"]
    if name in ACTIVATIONS:
        return name, _array(inputs[0])
    if name == "clip" and _is_number(_given(node)["low"], 0) and _given(node)["high"] is None:
        return "relu", _array(inputs[0])
    if name in ("maximum", "where") and node.wanted in (1, 2):
        live = node.wanted >> 1
        if _is_number(inputs[1 - live], 0) and (name == "maximum" or _is_relu(node, live)):
            return "relu", _array(inputs[live])
    if name == "divide" and _is_number(inputs[0], 1):
        return _logistic(inputs[1])
    return None


def _given(node: Tensor) -> dict[str, Any]:
    """Return what the op was given, by name."""
    assert node.op is not None
    given = dict(zip(node.op.inputs, node.inputs, strict=False))
    return given | dict(zip(node.op.attributes, node.saved, strict=False))


def _is_relu(node: Tensor, live: int) -> bool:
    x = _array(node.inputs[live])
    assert node.op is not None
    condition: Any = dict(zip(node.op.attributes, node.saved, strict=False)).get("condition")
    return bool(live == 0 and np.shape(condition) == x.shape and np.array_equal(condition, x > 0))


def _logistic(below: Any) -> tuple[str, Any] | None:
    """Recognise 1 + exp(-x), and return x."""
    if below.__class__ is not Tensor or below.op is None or below.op.name != "add":
        return None
    for one, other in (below.inputs, below.inputs[::-1]):
        if _is_number(one, 1) and other.__class__ is Tensor and other.op is not None:
            minus = other.inputs[0] if other.op.name == "exp" else None
            if minus.__class__ is Tensor and minus.op is not None and minus.op.name == "negative":
                return "sigmoid", _array(minus.inputs[0])
    return None


def _array(x: Any) -> Any:
    return x._value if x.__class__ is Tensor else x


def _is_number(x: Any, number: float) -> bool:
    value = _array(x)
    wanted = x.wanted if x.__class__ is Tensor else 0
    return (
        not wanted
        and np.ndim(value) == 0
        and isinstance(value, int | float | np.generic | np.ndarray)
        and value == number
    )


def fed_by(node: Tensor) -> tuple[Tensor | None, int | None]:
    """Return the weight whose product goes into an activation, and the axis of the units."""
    x: Any = _before(node)
    for _ in range(4):
        x = producer(x, ("astype",))
        if x is None:
            return None, None
        name = x.op.name
        if name in CONVOLUTIONS:
            return _leaf(x.inputs[1]), 1
        if name in PRODUCTS:
            left, right = _leaf(x.inputs[0]), _leaf(x.inputs[1])
            turned = name != "linear" and left is not None and right is None and x.ndim == 2
            return (left, 0) if turned else (right, -1)
        if name not in NEAR:
            return None, None
        x = next((y for y in x.inputs if y.__class__ is Tensor and y.op is not None), None)
    return None, None


def _before(node: Tensor) -> Any:
    """Return the value that an activation is applied to."""
    assert node.op is not None
    if node.op.name == "divide":
        added = node.inputs[1]
        return next(x for x in added.inputs if x.__class__ is Tensor).inputs[0].inputs[0]
    return node.inputs[node.wanted >> 1 if node.wanted in (1, 2) else 0]


def _leaf(x: Any) -> Tensor | None:
    """Return the trainable leaf behind ops that only move numbers, None if there is none."""
    while x.__class__ is Tensor and x.op is not None and x.inputs:
        if x.op.name not in ("transpose", "reshape", "astype"):
            return None
        x = x.inputs[0]
    return x if x.__class__ is Tensor and x.wanted else None
