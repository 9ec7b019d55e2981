"""The clamp family of the engine's ops, and how much gradient one of them blocks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..engine.tensors import Tensor

MOST_SAMPLES = 65_536  # elements measured of one array; the error of a share is under 0.4 points


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

    `arriving`        elements that gradient reaches
    `leaving`         those that gradient leaves
    `blocked_inward`  gradient arrives, none leaves, and descent (−g) would move the value back into
                      the range: above the upper bound and g > 0, or below the lower and g < 0
    `arriving_norm`, `leaving_norm`   of the gradient before and after
    """
    x, dx = node.inputs[clamp.input]._value, downstream[clamp.input]
    arrays = (x, dout, dx)
    if not all(isinstance(each, np.ndarray | np.generic) for each in arrays):
        return None
    if not x.shape == dout.shape == dx.shape or x.size == 0:
        return None
    step = stride(x.shape)
    low, high = _bounds(clamp, node)
    with np.errstate(all="ignore"):
        value, upstream, left = (sampled(each, step) for each in arrays)
        arrives = upstream != 0
        leaves = left != 0
        inward = np.zeros(arrives.shape, dtype=bool)
        if high is not None:
            inward |= (value > sampled(high, step, x.shape)) & (upstream > 0)
        if low is not None:
            inward |= (value < sampled(low, step, x.shape)) & (upstream < 0)
        return {
            "elements": float(x.size),
            "samples": float(value.size),
            "arriving": float(np.count_nonzero(arrives)),
            "leaving": float(np.count_nonzero(leaves)),
            "blocked_inward": float(np.count_nonzero(inward & ~leaves)),
            "arriving_norm": norm(upstream),
            "leaving_norm": norm(left),
        }


def stride(shape: Sequence[int]) -> int:
    """Return the step that samples an array of this shape: no divisor of its rows' length.

    Otherwise it would always meet the same columns.
    """
    step = max(1, math.ceil(math.prod(shape) / MOST_SAMPLES))
    while shape and step > 1 and math.gcd(step, shape[-1]) != 1:
        step += 1
    return step


def sampled(array: Any, step: int, shape: Sequence[int] | None = None) -> Any:
    """Return every `step`-th element, flat; a bound is stretched to `shape` first."""
    if shape is not None:
        if np.ndim(array) == 0:
            return array
        array = np.broadcast_to(array, shape)
    if array.ndim and array.flags.c_contiguous:
        return array.reshape(-1)[::step]
    return np.ravel(array) if step == 1 else array.flat[::step]


def norm(array: Any) -> float:
    """Return the Euclidean norm, in float64."""
    return float(np.sqrt(np.sum(np.square(array.astype(np.float64)))))


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
