"""Elementwise arithmetic and functions. Inputs broadcast as in NumPy; the walk sums back."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays import Array
from .protocol import op

# fmt: off
__all__ = [
    "absolute", "add", "arctan", "astype", "ceil", "clip", "cos", "cosh", "divide", "exp", "exp2",
    "expm1", "floor", "log", "log1p", "log2", "log10", "maximum", "minimum", "multiply", "negative",
    "power", "reciprocal", "round_", "sign", "sin", "sinh", "sqrt", "square", "subtract", "tan",
    "tanh", "trunc", "where",
]
# fmt: on


@op
def add(x: Array, y: Array) -> Array:
    """Add two values, elementwise."""
    return x + y


@add.backward
def add_backward(dout: Array) -> tuple[Array, Array]:
    return dout, dout


@op
def subtract(x: Array, y: Array) -> Array:
    """Subtract `y` from `x`, elementwise."""
    return x - y


@subtract.backward
def subtract_backward(dout: Array) -> tuple[Array, Array]:
    return dout, -dout


@op
def multiply(x: Array, y: Array) -> Array:
    """Multiply two values, elementwise."""
    return x * y


@multiply.backward
def multiply_backward(dout: Array, x: Array, y: Array) -> tuple[Array, Array]:
    return dout * y, dout * x


@op
def divide(x: Array, y: Array) -> Array:
    """Divide `x` by `y`, elementwise."""
    return x / y


@divide.backward
def divide_backward(dout: Array, y: Array, out: Array) -> tuple[Array, Array]:
    dx = dout / y
    dy = -dx * out
    return dx, dy


@op
def negative(x: Array) -> Array:
    """Change the sign."""
    return -x


@negative.backward
def negative_backward(dout: Array) -> Array:
    return -dout


@op
def reciprocal(x: Array) -> Array:
    """Divide 1 by a value, elementwise."""
    return 1 / x


@reciprocal.backward
def reciprocal_backward(dout: Array, out: Array) -> Array:
    return -dout * out * out


@op
def power(x: Array, y: Array) -> Array:
    """Raise `x` to the power `y`. The gradient of x in `x**0` is 0, and of y ≥ 0 in `0**y`."""
    return x**y


@power.backward
def power_backward(dout: Array, x: Array, y: Array, out: Array) -> tuple[Array, Array]:
    # 0**0 and 0**y do not change: take 1 for 0 there. Adding booleans keeps the dtype of x.
    dx = dout * (y * (x + ((x == 0) & (y == 0))) ** (y - 1))
    dy = dout * out * np.log(x + ((x == 0) & (y >= 0))).astype(dout.dtype)
    return dx, dy


@op
def square(x: Array) -> Array:
    """Multiply a value by itself."""
    return np.square(x)


@square.backward
def square_backward(dout: Array, x: Array) -> Array:
    return dout * (2 * x)


@op
def sqrt(x: Array) -> Array:
    """Take the square root. At 0 the gradient is inf."""
    return np.sqrt(x)


@sqrt.backward
def sqrt_backward(dout: Array, out: Array) -> Array:
    return dout / (2 * out)


@op
def astype(x: Array, *, dtype: Any) -> Array:
    """Convert to another dtype. A gradient passes floats only: integers and booleans get zero."""
    return x.astype(dtype)


@astype.backward
def astype_backward(dout: Array, x: Array, dtype: Any) -> Array:
    return dout.astype(x.dtype) if np.dtype(dtype).kind == "f" else np.zeros_like(x)


@op
def absolute(x: Array) -> Array:
    """Take the absolute value. At 0 the gradient is 0."""
    return np.abs(x)


@absolute.backward
def absolute_backward(dout: Array, x: Array) -> Array:
    return dout * np.sign(x)


@op
def maximum(x: Array, y: Array) -> Array:
    """Take the larger of two values, elementwise. On a tie each gets half of the gradient."""
    return np.maximum(x, y)


@maximum.backward
def maximum_backward(dout: Array, x: Array, y: Array) -> tuple[Array, Array]:
    half = 0.5 * dout * (x == y)
    return dout * (x > y) + half, dout * (x < y) + half


@op
def minimum(x: Array, y: Array) -> Array:
    """Take the smaller of two values, elementwise. On a tie each gets half of the gradient."""
    return np.minimum(x, y)


@minimum.backward
def minimum_backward(dout: Array, x: Array, y: Array) -> tuple[Array, Array]:
    half = 0.5 * dout * (x == y)
    return dout * (x < y) + half, dout * (x > y) + half


@op
def clip(x: Array, *, low: Array | None = None, high: Array | None = None) -> Array:
    """Limit to the range from `low` to `high`: numbers, arrays, or None for no limit.

    The gradient is passed inside and at the bounds, 0 outside. Raises ValueError without any bound.
    """
    return np.clip(x, low, high)


@clip.check
def check_clip(low: Array | None, high: Array | None) -> None:
    if low is None and high is None:
        raise ValueError("got neither low nor high; give at least one of them")


@clip.backward
def clip_backward(dout: Array, x: Array, low: Array | None, high: Array | None) -> Array:
    if low is None:
        return dout * (x <= high)
    if high is None:
        return dout * (low <= x)
    return dout * ((low <= x) & (x <= high))


@op
def where(x: Array, y: Array, *, condition: Array) -> Array:
    """Take `x` where the condition holds, `y` elsewhere. The other one gets the gradient 0."""
    return np.where(condition, x, y)


@where.backward
def where_backward(dout: Array, condition: Array) -> tuple[Array, Array]:
    # Not dout * condition: this op is how one guards against an inf, and 0 * inf is nan.
    return np.where(condition, dout, 0), np.where(condition, 0, dout)


@op
def sign(x: Array) -> Array:
    """Take the sign: -1, 0 or 1. The gradient is 0."""
    return np.sign(x)


@op
def floor(x: Array) -> Array:
    """Round down. The gradient is 0."""
    return np.floor(x)


@op
def ceil(x: Array) -> Array:
    """Round up. The gradient is 0."""
    return np.ceil(x)


@op
def trunc(x: Array) -> Array:
    """Round towards 0. The gradient is 0."""
    return np.trunc(x)


@op
def round_(x: Array, *, decimals: int = 0) -> Array:
    """Round to `decimals` places, halves to the even neighbour. The gradient is 0."""
    return np.round(x, decimals)


@sign.backward
@floor.backward
@ceil.backward
@trunc.backward
@round_.backward
def step_backward(dout: Array) -> Array:
    return np.zeros_like(dout)


@op
def exp(x: Array) -> Array:
    """Raise e to a power."""
    return np.exp(x)


@exp.backward
def exp_backward(dout: Array, out: Array) -> Array:
    return dout * out


@op
def exp2(x: Array) -> Array:
    """Raise 2 to a power."""
    return np.exp2(x)


@exp2.backward
def exp2_backward(dout: Array, out: Array) -> Array:
    return dout * (0.6931471805599453 * out)  # log 2


@op
def expm1(x: Array) -> Array:
    """Compute exp(x) - 1, accurate near 0."""
    return np.expm1(x)


@expm1.backward
def expm1_backward(dout: Array, x: Array) -> Array:
    return dout * np.exp(x)  # not out + 1, which has lost its digits where exp(x) is small


@op
def log(x: Array) -> Array:
    """Take the natural logarithm. At 0 the gradient is inf."""
    return np.log(x)


@log.backward
def log_backward(dout: Array, x: Array) -> Array:
    return dout / x


@op
def log2(x: Array) -> Array:
    """Take the logarithm to the base 2."""
    return np.log2(x)


@log2.backward
def log2_backward(dout: Array, x: Array) -> Array:
    return dout / (0.6931471805599453 * x)  # log 2


@op
def log10(x: Array) -> Array:
    """Take the logarithm to the base 10."""
    return np.log10(x)


@log10.backward
def log10_backward(dout: Array, x: Array) -> Array:
    return dout / (2.302585092994046 * x)  # log 10


@op
def log1p(x: Array) -> Array:
    """Compute log(1 + x), accurate near 0."""
    return np.log1p(x)


@log1p.backward
def log1p_backward(dout: Array, x: Array) -> Array:
    return dout / (1 + x)


@op
def sin(x: Array) -> Array:
    """Take the sine of radians."""
    return np.sin(x)


@sin.backward
def sin_backward(dout: Array, x: Array) -> Array:
    return dout * np.cos(x)


@op
def cos(x: Array) -> Array:
    """Take the cosine of radians."""
    return np.cos(x)


@cos.backward
def cos_backward(dout: Array, x: Array) -> Array:
    return -dout * np.sin(x)


@op
def tan(x: Array) -> Array:
    """Take the tangent of radians."""
    return np.tan(x)


@tan.backward
def tan_backward(dout: Array, out: Array) -> Array:
    return dout * (1 + out * out)


@op
def arctan(x: Array) -> Array:
    """Take the angle whose tangent is `x`, in radians from -π/2 to π/2."""
    return np.arctan(x)


@arctan.backward
def arctan_backward(dout: Array, x: Array) -> Array:
    return dout / (1 + x * x)


@op
def sinh(x: Array) -> Array:
    """Take the hyperbolic sine."""
    return np.sinh(x)


@sinh.backward
def sinh_backward(dout: Array, x: Array) -> Array:
    return dout * np.cosh(x)


@op
def cosh(x: Array) -> Array:
    """Take the hyperbolic cosine."""
    return np.cosh(x)


@cosh.backward
def cosh_backward(dout: Array, x: Array) -> Array:
    return dout * np.sinh(x)


@op
def tanh(x: Array) -> Array:
    """Squash into (-1, 1), elementwise."""
    return np.tanh(x)


@tanh.backward
def tanh_backward(dout: Array, out: Array) -> Array:
    return dout * (1 - out * out)
