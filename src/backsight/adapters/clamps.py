"""The clamp family of the engine's ops, and how much gradient one of them blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..engine.tensors import Tensor
from .blocking import blocked_figures, open_counts, sampled, stride


@dataclass(frozen=True, slots=True)
class Clamp:
    """A clamp as it was applied: which input it limits, and to what range (None: unbounded)."""

    op: str
    input: int
    low: float | None
    high: float | None
    where: tuple[Any, int] | None


def clamp_of(node: Tensor) -> Clamp | None:
    """Return what the node limits, None unless its op is of the clamp family.

    `maximum` and `minimum` belong to it only against a constant; relu, `where` and masks are gates.
    """
    name = node.op.name if node.op is not None else ""
    if name not in CLAMPS:
        return None
    return CLAMPS[name](node, name)


def _bounded(node: Tensor, name: str) -> Clamp | None:
    low, high = _range(node)
    if not node.wanted & 1:
        return None
    return Clamp(name, 0, _number(low), _number(high), node.where)


def _one_sided(node: Tensor, name: str) -> Clamp | None:
    if node.wanted not in (1, 2):
        return None  # two live values: a choice between them, not a clamp
    limited = node.wanted >> 1
    bound = _number(_plain(node.inputs[1 - limited]))
    low, high = (bound, None) if name == "maximum" else (None, bound)
    return Clamp(name, limited, low, high, node.where)


CLAMPS = {
    "clip": _bounded,
    "hard_tanh": _bounded,
    "maximum": _one_sided,
    "minimum": _one_sided,
}


def clamp_figures(
    clamp: Clamp, node: Tensor, dout: Any, downstream: Sequence[Any]
) -> dict[str, float] | None:
    """Measure a clamp; None where it cannot be judged element by element.

    The figures are those of `blocked_figures`.
    """
    x, dx = node.inputs[clamp.input]._value, downstream[clamp.input]
    arrays = (x, dout, dx)
    if not all(isinstance(each, np.ndarray | np.generic) for each in arrays):
        return None
    if not x.shape == dout.shape == dx.shape or x.size == 0:
        return None
    step = stride(x.shape)
    low, high = (
        None if bound is None else sampled(bound, step, x.shape) for bound in _bounds(clamp, node)
    )
    value, upstream, left = (sampled(each, step) for each in arrays)
    return blocked_figures(value, upstream, left, low, high, x.size)


def clamp_units(
    clamp: Clamp, node: Tensor, axis: int | None, phase: int
) -> tuple[int, int, Any] | None:
    """Return what `open_counts` says of a clamp's units, None of what has none."""
    x = node.inputs[clamp.input]._value
    if not isinstance(x, np.ndarray) or x.ndim < 2 or x.size == 0:
        return None
    return open_counts(x, *_bounds(clamp, node), axis, phase)


def _bounds(clamp: Clamp, node: Tensor) -> tuple[Any, Any]:
    if node.op is not None and CLAMPS[node.op.name] is _bounded:
        return _range(node)
    bound = _plain(node.inputs[1 - clamp.input])
    return (bound, None) if clamp.op == "maximum" else (None, bound)


def _range(node: Tensor) -> tuple[Any, Any]:
    """Return the bounds of a clip or hard_tanh, wherever the op keeps them."""
    assert node.op is not None
    given = dict(zip(node.op.attributes, node.saved, strict=False))
    given |= dict(zip(node.op.inputs, node.inputs, strict=False))
    return tuple(_plain(given.get(name)) for name in ("low", "high"))


def _plain(x: Any) -> Any:
    return x._value if x.__class__ is Tensor else x


def _number(bound: Any) -> float | None:
    """Return a bound as a number, None for one that differs from element to element."""
    return float(bound) if bound is not None and np.size(bound) == 1 else None
