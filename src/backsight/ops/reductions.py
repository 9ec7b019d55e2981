"""Reductions along axes: sums and means, extremes, products, norms; and running sums.

`axis` is an integer, a tuple of them, or None for all axes.
"""

from __future__ import annotations

import math

import numpy as np

from ..arrays import Array, Shape
from .indexing import spread
from .protocol import op

__all__ = ["cumsum", "max_", "max_by_index", "mean", "min_", "norm", "prod", "std", "sum_", "var"]

Axis = int | tuple[int, ...] | None


def reduced_axes(ndim: int, axis: Axis) -> tuple[int, ...]:
    """Return the axes that a reduction goes over, counted from the front.

    >>> reduced_axes(3, -1), reduced_axes(2, None)
    ((2,), (0, 1))
    """
    if axis is None or ndim == 0:
        return tuple(range(ndim))
    return tuple(i % ndim for i in (axis if isinstance(axis, tuple) else (axis,)))


def kept_shape(shape: Shape, axis: Axis) -> Shape:
    """Return the shape after a reduction that keeps the reduced axes with length 1.

    >>> kept_shape((4, 3), 1)
    (4, 1)
    """
    gone = reduced_axes(len(shape), axis)
    return tuple(1 if i in gone else n for i, n in enumerate(shape))


def reduced_shape(shape: Shape, axis: Axis, keepdims: bool) -> Shape:
    """Return the shape after a reduction.

    >>> reduced_shape((4, 3), 1, False)
    (4,)
    """
    if keepdims:
        return kept_shape(shape, axis)
    gone = reduced_axes(len(shape), axis)
    return tuple(n for i, n in enumerate(shape) if i not in gone)


def reduced_count(shape: Shape, axis: Axis, ddof: float = 0) -> float:
    """Return how many numbers go into each result of a reduction, less `ddof`, at least 0.

    >>> reduced_count((4, 3), 1), reduced_count((4, 3), 0, ddof=1)
    (3, 3)
    """
    return max(math.prod(shape[i] for i in reduced_axes(len(shape), axis)) - ddof, 0)


@op
def sum_(x: Array, *, axis: Axis = None, keepdims: bool = False) -> Array:
    """Add up along axes."""
    return np.sum(x, axis=axis, keepdims=keepdims)


@sum_.backward
def sum_backward(dout: Array, x_shape: Shape, axis: Axis, keepdims: bool) -> Array:
    if axis is None or keepdims:
        return np.broadcast_to(dout, x_shape)
    return np.broadcast_to(np.expand_dims(dout, axis), x_shape)


@op
def mean(x: Array, *, axis: Axis = None, keepdims: bool = False) -> Array:
    """Average along axes.

    In float16 the gradient of a mean of more than 65,504 numbers overflows to 0; NumPy warns.
    """
    return np.mean(x, axis=axis, keepdims=keepdims)


@mean.backward
def mean_backward(dout: Array, x_shape: Shape, axis: Axis, keepdims: bool) -> Array:
    share = dout / reduced_count(x_shape, axis)
    if axis is None or keepdims:
        return np.broadcast_to(share, x_shape)
    return np.broadcast_to(np.expand_dims(share, axis), x_shape)


@op
def var(x: Array, *, axis: Axis = None, ddof: float = 0, keepdims: bool = False) -> Array:
    """Compute the variance along axes: squared distances from the mean over `count - ddof`.

    `ddof` 0 is NumPy's default, 1 PyTorch's. With no more numbers than `ddof` the result is nan.
    """
    centred = x - np.mean(x, axis=axis, keepdims=True)
    freedom = reduced_count(x.shape, axis, ddof)
    return np.sum(centred * centred, axis=axis, keepdims=keepdims) / freedom


@var.backward
def var_backward(dout: Array, x_shape: Shape, axis: Axis, centred: Array, freedom: float) -> Array:
    kept = np.reshape(dout, kept_shape(x_shape, axis))
    return kept * (2 * centred / freedom)


@op
def std(x: Array, *, axis: Axis = None, ddof: float = 0, keepdims: bool = False) -> Array:
    """Take the standard deviation along axes: the root of `var`. Where it is 0, its gradient is."""
    centred = x - np.mean(x, axis=axis, keepdims=True)
    freedom = reduced_count(x.shape, axis, ddof)
    return np.sqrt(np.sum(centred * centred, axis=axis, keepdims=keepdims) / freedom)


@std.backward
def std_backward(
    dout: Array, x_shape: Shape, out: Array, axis: Axis, centred: Array, freedom: float
) -> Array:
    scaled = dout / np.where(out == 0, 1, out)
    kept = np.reshape(scaled, kept_shape(x_shape, axis))
    return kept * (centred / freedom)


@op
def max_(x: Array, *, axis: Axis = None, keepdims: bool = False) -> Array:
    """Take the largest number along axes. Ties share the gradient evenly, as in `torch.amax`.

    `max_by_index` gives it to the first one instead.
    """
    return np.max(x, axis=axis, keepdims=keepdims)


@op
def min_(x: Array, *, axis: Axis = None, keepdims: bool = False) -> Array:
    """Take the smallest number along axes. Ties share the gradient evenly, as in `torch.amin`."""
    return np.min(x, axis=axis, keepdims=keepdims)


@max_.backward
@min_.backward
def extreme_backward(dout: Array, x: Array, out: Array, axis: Axis) -> Array:
    hit = x == np.reshape(out, kept_shape(x.shape, axis))
    ties = np.sum(hit, axis=axis, keepdims=True, dtype=x.dtype)
    kept = np.reshape(dout, kept_shape(x.shape, axis))
    return kept / ties * hit


@op
def max_by_index(x: Array, *, axis: int, keepdims: bool = False) -> Array:
    """Take the largest number along one axis. Of ties the first gets the gradient.

    These are the values of `torch.max(x, dim)`. `max_` shares the gradient among ties instead.
    """
    winner = np.argmax(x, axis=axis, keepdims=True)
    best = np.take_along_axis(x, winner, axis)
    return np.reshape(best, reduced_shape(x.shape, axis, keepdims))


@max_by_index.backward
def max_by_index_backward(dout: Array, x_shape: Shape, axis: int, winner: Array) -> Array:
    kept = np.reshape(dout, kept_shape(x_shape, axis))
    return spread(kept, index=winner, axis=axis, shape=x_shape)


@op
def prod(x: Array, *, axis: Axis = None, keepdims: bool = False) -> Array:
    """Multiply along axes. The slope of each factor is the product of the others, also at zeros.

    First and second derivatives are exact with any number of zeros, third ones without zeros.
    """
    return np.prod(x, axis=axis, keepdims=keepdims)


@prod.backward
def prod_backward(dout: Array, x: Array, axis: Axis) -> Array:
    is_zero = x == 0
    factors = np.where(is_zero, 1, x)
    others = np.prod(factors, axis=axis, keepdims=True) / factors  # those that are not 0
    zeros = np.where(is_zero, x, 0)  # a sum of nothing but zeros, which can be differentiated again
    other_zeros = np.sum(zeros, axis=axis, keepdims=True) - zeros
    count = np.sum(is_zero, axis=axis, keepdims=True) - is_zero
    slope = others * ((count == 0) + (count == 1) * other_zeros)
    return np.reshape(dout, kept_shape(x.shape, axis)) * slope


@op
def cumsum(x: Array, *, axis: int | None = None) -> Array:
    """Add up step by step along an axis; all of them in one row for None."""
    return np.cumsum(x, axis=axis)


@cumsum.backward
def cumsum_backward(dout: Array, x_shape: Shape, axis: int | None) -> Array:
    dx = np.flip(np.cumsum(np.flip(dout, axis), axis), axis)  # each number is in all later sums
    return np.reshape(dx, x_shape)


@op
def norm(x: Array, *, ord: float = 2, axis: Axis = None, keepdims: bool = False) -> Array:
    """Measure vectors: `(Σ |x|^ord)^(1/ord)` along axes.

    For inf that is the largest |x|, for -inf the smallest; ties share the gradient evenly. Numbers
    like 1e200 or 1e-200 neither overflow nor underflow. The gradient of a zero vector is 0.

    Raises ValueError for an `ord` that is neither positive nor -inf.
    """
    size = np.abs(x)
    if ord == -np.inf:
        return np.min(size, axis=axis, keepdims=keepdims)
    if ord == 1 or x.size == 0:
        return np.sum(size, axis=axis, keepdims=keepdims)
    if ord == np.inf:
        return np.max(size, axis=axis, keepdims=keepdims)
    # A power of two near the largest one: dividing by it is exact, and it needs no gradient.
    top = np.max(size, axis=axis, keepdims=True)
    unit = np.exp2(np.floor(np.log2(np.where((top > 0) & (top < np.inf), top, 1))))
    ratio = size / unit
    if ord == 2:
        length = np.sqrt(np.sum(ratio * ratio, axis=axis, keepdims=True))
    else:
        length = np.sum(ratio**ord, axis=axis, keepdims=True) ** (1 / ord)
    return np.reshape(unit * length, reduced_shape(x.shape, axis, keepdims))


@norm.check
def check_norm(ord: float) -> None:
    """Refuse orders that are no norm: 0 counts, and negative ones are dominated by the smallest."""
    if not (ord > 0 or ord == -np.inf):
        raise ValueError(f"ord is {ord}; it must be positive, inf or -inf")


@norm.backward
def norm_backward(dout: Array, x: Array, out: Array, ord: float, axis: Axis) -> Array:
    kept = np.reshape(dout, kept_shape(x.shape, axis))
    length = np.reshape(out, kept_shape(x.shape, axis))
    if ord == 1:
        return kept * np.sign(x)
    if ord == np.inf or ord == -np.inf:
        hit = np.abs(x) == length
        ties = np.sum(hit, axis=axis, keepdims=True, dtype=x.dtype)
        return kept / ties * hit * np.sign(x)
    unit = np.where(length == 0, 1, length)
    if ord == 2:
        return kept * (x / unit)
    ratio = np.where(x == 0, 1, np.abs(x) / unit)  # 1, since 0 to a negative power is no number
    return kept * (np.sign(x) * ratio ** (ord - 1))
