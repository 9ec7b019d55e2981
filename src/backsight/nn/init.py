"""How parameters begin: numbers drawn from an explicit generator.

A weight is (D, M): D numbers in, M out. `gain` is √2 for ReLU, 5/3 for tanh, 1 for linear and
sigmoid.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..arrays import Array, Shape
from ..engine.tensors import Tensor, assign
from ..errors import UsageError
from .parameters import parameters


def fans(shape: Shape) -> tuple[int, int]:
    """Return how many numbers enter and leave a weight, (D, M) or (M, C, KH, KW)."""
    if len(shape) < 2:
        raise UsageError(f"a weight of shape {shape} has no fans; biases begin at zero")
    if len(shape) == 2:
        return shape[0], shape[1]
    window = int(np.prod(shape[2:]))
    return shape[1] * window, shape[0] * window


def zeros(
    shape: Shape, generator: np.random.Generator | None = None, *, dtype: Any = np.float32
) -> Array:
    """Return zeros: for biases. All units of a layer that begins so stay copies of each other."""
    return constant(shape, generator, value=0.0, dtype=dtype)


def constant(
    shape: Shape,
    generator: np.random.Generator | None = None,
    *,
    value: float,
    dtype: Any = np.float32,
) -> Array:
    """Return one number everywhere. The generator is not used; other initialisers take one."""
    return np.full(shape, value, dtype)


def normal(
    shape: Shape,
    generator: np.random.Generator,
    *,
    mean: float = 0.0,
    std: float = 1.0,
    dtype: Any = np.float32,
) -> Array:
    """Draw normal numbers."""
    return (mean + std * generator.standard_normal(shape)).astype(dtype)


def uniform(
    shape: Shape,
    generator: np.random.Generator,
    *,
    low: float = 0.0,
    high: float = 1.0,
    dtype: Any = np.float32,
) -> Array:
    """Draw uniform numbers."""
    return generator.uniform(low, high, shape).astype(dtype)


def he_normal(
    shape: Shape, generator: np.random.Generator, *, gain: float = 2**0.5, dtype: Any = np.float32
) -> Array:
    """Draw normal numbers with std gain / √D, which keeps the scale (He et al. 2015, eq. 10)."""
    entering, _ = fans(shape)
    return (generator.standard_normal(shape) * (gain / entering**0.5)).astype(dtype)


def he_uniform(
    shape: Shape, generator: np.random.Generator, *, gain: float = 2**0.5, dtype: Any = np.float32
) -> Array:
    """Draw uniform numbers with the std of `he_normal`, bounded by gain √(3 / D)."""
    entering, _ = fans(shape)
    bound = gain * (3 / entering) ** 0.5
    return generator.uniform(-bound, bound, shape).astype(dtype)


def xavier_normal(
    shape: Shape, generator: np.random.Generator, *, gain: float = 1.0, dtype: Any = np.float32
) -> Array:
    """Draw normal numbers with std gain √(2 / (D + M)) (Glorot & Bengio 2010, eq. 12)."""
    entering, leaving = fans(shape)
    return (generator.standard_normal(shape) * gain * (2 / (entering + leaving)) ** 0.5).astype(
        dtype
    )


def xavier_uniform(
    shape: Shape, generator: np.random.Generator, *, gain: float = 1.0, dtype: Any = np.float32
) -> Array:
    """Draw uniform numbers bounded by gain √(6 / (D + M)) (Glorot & Bengio 2010, eq. 16)."""
    entering, leaving = fans(shape)
    bound = gain * (6 / (entering + leaving)) ** 0.5
    return generator.uniform(-bound, bound, shape).astype(dtype)


def orthogonal(
    shape: Shape, generator: np.random.Generator, *, gain: float = 1.0, dtype: Any = np.float32
) -> Array:
    """Draw a matrix with orthonormal rows or columns, whichever are fewer, times `gain`.

    A weight of more axes is one of (M, C·KH·KW). Every singular value is `gain`, so that a
    recurrent matrix neither shrinks nor stretches. Source: Saxe et al. 2014.
    """
    fans(shape)
    rows, columns = shape[0], int(np.prod(shape[1:]))
    drawn = generator.standard_normal((max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(drawn)
    q = q * np.where(np.diag(r) < 0, -1.0, 1.0)  # makes the distribution uniform
    return np.reshape(gain * (q.T if rows < columns else q), shape).astype(dtype)


def lsuv(
    layer: Callable[[Any], Any],
    x: Any,
    generator: np.random.Generator,
    *,
    tolerance: float = 0.05,
    trials: int = 10,
) -> None:
    """Begin every weight orthogonally, then scale it until its product has unit variance on x.

    Weights are taken in the order of the forward, one after the other; x is a batch of real data,
    the larger the better. Works for any layer or function whose weights enter ops directly.

    Raises UsageError where the product of a weight does not vary at all.

    Source: Mishkin & Matas 2016, algorithm 1.
    """
    weights = [t for t in parameters(layer).values() if t.ndim >= 2]
    for weight in weights:
        assign(weight, orthogonal(weight.shape, generator, dtype=weight.dtype))
    done: set[int] = set()
    while (product := _first_product(layer(x), weights, done)) is not None:
        weight, out = product
        for _ in range(trials):
            std = float(np.std(out))
            if not 0 < std < np.inf:
                raise UsageError(
                    f"lsuv: what the weight {weight.shape} gives has std {std}; is the input of "
                    "its layer constant, or are all units before it off?"
                )
            if abs(std * std - 1) < tolerance:
                break
            assign(weight, weight.value / np.asarray(std, weight.dtype))
            again = _first_product(layer(x), weights, done)
            assert again is not None
            out = again[1]
        done.add(id(weight))


def _first_product(
    out: Tensor, weights: list[Tensor], done: set[int]
) -> tuple[Tensor, Array] | None:
    """Return the weight that is used first in the graph behind `out`, and what its op gives."""
    wanted = {id(weight): weight for weight in weights if id(weight) not in done}
    found: tuple[int, Tensor, Array] | None = None
    stack, seen = [out], {id(out)}
    while stack:
        node = stack.pop()
        for each in node.inputs:
            if id(each) in wanted and (found is None or node.serial < found[0]):
                value = node._value if not isinstance(node._value, tuple) else node._value[0]
                found = node.serial, wanted[id(each)], value
            if isinstance(each, Tensor) and id(each) not in seen:
                seen.add(id(each))
                stack.append(each)
    return found[1:] if found is not None else None
