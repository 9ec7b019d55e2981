"""Activation functions, the error function, softmax and its kin. The numbers are PyTorch's."""

from __future__ import annotations

import numpy as np

from ..arrays import Array, Shape
from ..errors import ShapeError
from .protocol import op
from .reductions import Axis, kept_shape, reduced_shape

__all__ = [
    "elu",
    "erf",
    "gelu",
    "hard_sigmoid",
    "hard_tanh",
    "leaky_relu",
    "log_sigmoid",
    "log_softmax",
    "logsumexp",
    "prelu",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
]


@op
def sigmoid(x: Array) -> Array:
    """Squash into (0, 1), elementwise: 1 / (1 + exp(-x)). Both tails keep their digits."""
    e = np.exp(-np.abs(x))
    return np.maximum(e, x >= 0) / (1 + e)  # 1 / (1 + e) from 0 on, e / (1 + e) below


@sigmoid.backward
def sigmoid_backward(dout: Array, out: Array) -> Array:
    return dout * out * (1 - out)


@op
def log_sigmoid(x: Array) -> Array:
    """Take the logarithm of the sigmoid, elementwise, without overflow."""
    return np.minimum(x, 0) - np.log1p(np.exp(-np.abs(x)))


@log_sigmoid.backward
def log_sigmoid_backward(dout: Array, x: Array) -> Array:
    return dout * sigmoid(-x)


@op
def relu(x: Array) -> Array:
    """Set negative numbers to 0. At 0 the gradient is 0."""
    return np.maximum(x, 0)


@relu.backward
def relu_backward(dout: Array, x: Array) -> Array:
    return dout * (x > 0)


@op
def leaky_relu(x: Array, *, slope: float = 0.01) -> Array:
    """Multiply negative numbers by `slope`. At 0 the local derivative is `slope`."""
    return np.maximum(x, 0) + slope * np.minimum(x, 0)


@leaky_relu.backward
def leaky_relu_backward(dout: Array, x: Array, slope: float) -> Array:
    return dout * (x > 0) + slope * dout * (x <= 0)


def channel_shape(shape: Shape, weight_shape: Shape) -> Shape:
    """Return the shape in which a weight per channel (C,) broadcasts with x (N, C, …).

    >>> channel_shape((8, 3, 5, 5), (3,)), channel_shape((8, 3), (1,))
    ((1, 3, 1, 1), (1, 1))
    """
    if weight_shape in ((), (1,)):
        return (1,) * len(shape)
    return (1, *weight_shape, *(1,) * (len(shape) - 2))


def shared_axes(shape: Shape) -> Shape:
    """Return the axes along which all share one number: those of length 1.

    >>> shared_axes((1, 3, 1, 1))
    (0, 2, 3)
    """
    return tuple(i for i, n in enumerate(shape) if n == 1)


@op
def prelu(x: Array, weight: Array) -> Array:
    """Multiply negative numbers by a learned weight: x (N, C, …), weight (C,), or (1,) for all.

    At 0 the local derivative is `weight`. Raises ShapeError where the channels do not agree.

    Source: He et al., Delving deep into rectifiers, 2015, equation 1.
    """
    per_channel = np.reshape(weight, channel_shape(x.shape, weight.shape))
    return np.maximum(x, 0) + per_channel * np.minimum(x, 0)


@prelu.check
def check_prelu(x: Array, weight: Array) -> None:
    """Refuse weights that would broadcast along another axis than the channels."""
    shape, weights = np.shape(x), np.shape(weight)
    if weights in ((), (1,)):
        return
    if len(weights) != 1 or len(shape) < 2 or shape[1] != weights[0]:
        raise ShapeError(
            f"weight {weights} does not fit x {shape}; it has one number for each channel of "
            "x (N, C, …), or one for all"
        )


@prelu.backward
def prelu_backward(
    dout: Array, x: Array, weight_shape: Shape, per_channel: Array
) -> tuple[Array, Array]:
    dx = dout * (x > 0) + per_channel * dout * (x <= 0)
    dper_channel = np.sum(dout * np.minimum(x, 0), axis=shared_axes(per_channel.shape))
    dweight = np.reshape(dper_channel, weight_shape)
    return dx, dweight


@op
def elu(x: Array, *, alpha: float = 1.0) -> Array:
    """Bend negative numbers towards -alpha: alpha (exp(x) - 1). At 0 the local derivative is alpha.

    Source: Clevert et al., Fast and accurate deep network learning by ELUs, 2016, equation 15.
    """
    return np.maximum(x, 0) + alpha * np.expm1(np.minimum(x, 0))


@elu.backward
def elu_backward(dout: Array, x: Array, alpha: float) -> Array:
    return dout * ((x > 0) + (x <= 0) * (alpha * np.exp(np.minimum(x, 0))))


@op
def selu(x: Array) -> Array:
    """Scale an ELU so that mean 0 and variance 1 are kept from layer to layer.

    Source: Klambauer et al., Self-normalizing neural networks, 2017, equations 2 and 14.
    """
    return 1.0507009873554805 * elu(x, alpha=1.6732632423543772)


@selu.backward
def selu_backward(dout: Array, x: Array) -> Array:
    below = (x <= 0) * (1.6732632423543772 * np.exp(np.minimum(x, 0)))
    return 1.0507009873554805 * dout * ((x > 0) + below)


@op
def erf(x: Array) -> Array:
    """Compute the error function: the chance that a normal number of variance 1/2 is within ±x.

    The relative error is below 3e-16 in float64, below 4e-7 in float32.

    Source: Sun, fdlibm, s_erf.c, 1993, for |x| < 0.84; beyond, W. J. Cody, Rational Chebyshev
    approximations for the error function, 1969. The one for float32 was fitted for this file.
    """
    # Horner's rule in one expression each: a name for every sum would keep as many arrays alive.
    # fmt: off
    near = np.clip(x, -6, 6)  # beyond, the result is ±1
    if near.dtype != np.float64:
        wide = np.clip(near, -3.9, 3.9).astype(np.float32)  # ±1 from here on in float32
        s = wide * wide
        ratio = (
            (1.128379148 + s * (0.1896662262 + s * (0.05266788822 + s * (0.003738284314
             + s * (0.0002850546943 + s * 2.066400438e-06)))))
            / (1 + s * (0.5014200995 + s * (0.1138186045 + s * (0.01491416433
               + s * (0.001157349426 + s * 3.826886819e-05)))))
        )
        return np.clip(wide * ratio, -1, 1).astype(near.dtype)
    t = np.abs(near)
    s = t * t
    small = near + near * (
        (0.12837916709551256 + s * (-0.3250421072470015 + s * (-0.02848174957559851
         + s * (-0.005770270296489442 + s * -2.3763016656650163e-05))))
        / (1 + s * (0.39791722395915535 + s * (0.0650222499887673 + s * (0.005081306281875766
           + s * (0.00013249473800432164 + s * -3.960228278775368e-06)))))
    )
    large = np.sign(near) * (1 - np.exp(-s) * (
        (1230.3393547979972 + t * (2051.0783778260716 + t * (1712.0476126340707
         + t * (881.952221241769 + t * (298.6351381974001 + t * (66.1191906371416
         + t * (8.883149794388376 + t * (0.5641884969886701 + t * 2.153115354744038e-08))))))))
        / (1230.3393548037495 + t * (3439.3676741437216 + t * (4362.619090143247
           + t * (3290.7992357334596 + t * (1621.3895745666903 + t * (537.1811018620099
           + t * (117.6939508913125 + t * (15.744926110709835 + t))))))))
    ))
    # fmt: on
    return np.where(t < 0.84375, small, large)


@erf.backward
def erf_backward(dout: Array, x: Array) -> Array:
    near = np.clip(x, -30, 30)  # beyond, the slope is 0; the square stays within float16
    return dout * (1.1283791670955126 * np.exp(-near * near))  # 2 / sqrt(π)


@op
def gelu(x: Array, *, approximate: str = "none") -> Array:
    """Weigh x by the chance that a standard normal number is below it: x Φ(x).

    `approximate="tanh"` takes a tanh for Φ, as GPT-2 does.

    Source: Hendrycks and Gimpel, Gaussian error linear units, 2016, section 2.
    """
    near = np.clip(x, -40, 40)  # beyond, Φ is 0 or 1; the squares stay within float16
    if approximate == "tanh":
        bend = 0.7978845608028654 * near * (1 + 0.044715 * near * near)  # sqrt(2 / π)
        phi = 0.5 * (1 + np.tanh(bend))
    else:
        phi = 0.5 * (1 + erf(0.7071067811865476 * near))  # sqrt(1 / 2)
    return x * phi


@gelu.check
def check_gelu(approximate: str) -> None:
    """Refuse what is neither of the two forms."""
    if approximate not in ("none", "tanh"):
        raise ValueError(f"approximate is {approximate!r}; it must be 'none' or 'tanh'")


@gelu.backward
def gelu_backward(dout: Array, near: Array, phi: Array, approximate: str) -> Array:
    if approximate == "tanh":
        bend_slope = 0.7978845608028654 * (1 + 0.134145 * near * near)
        density = 2 * phi * (1 - phi) * bend_slope
    else:
        density = 0.3989422804014327 * np.exp(-0.5 * near * near)  # 1 / sqrt(2 π)
    return dout * (phi + near * density)


@op
def silu(x: Array) -> Array:
    """Weigh x by its sigmoid: x σ(x). Also called swish.

    Source: Elfwing et al., Sigmoid-weighted linear units, 2018, equation 2.
    """
    gate = sigmoid(x)
    return x * gate


@silu.backward
def silu_backward(dout: Array, out: Array, gate: Array) -> Array:
    return dout * (gate + out * (1 - gate))


@op
def softplus(x: Array, *, beta: float = 1.0, threshold: float = 20.0) -> Array:
    """Smooth a ReLU: log(1 + exp(beta x)) / beta. Where beta x exceeds `threshold`, x itself."""
    z = beta * x
    smooth = (np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))) / beta
    return np.where(z > threshold, x, smooth)


@softplus.backward
def softplus_backward(dout: Array, x: Array, beta: float, threshold: float) -> Array:
    z = beta * x
    return dout * np.where(z > threshold, 1, sigmoid(z))


@op
def hard_tanh(x: Array, *, low: float = -1.0, high: float = 1.0) -> Array:
    """Limit to the range from `low` to `high`. At the bounds the gradient is 0 (clip passes it)."""
    return np.clip(x, low, high)


@hard_tanh.backward
def hard_tanh_backward(dout: Array, x: Array, low: float, high: float) -> Array:
    return dout * ((low < x) & (x < high))


@op
def relu6(x: Array) -> Array:
    """Limit to the range from 0 to 6. At both bounds the gradient is 0."""
    return np.clip(x, 0, 6)


@relu6.backward
def relu6_backward(dout: Array, x: Array) -> Array:
    return dout * ((x > 0) & (x < 6))


@op
def hard_sigmoid(x: Array) -> Array:
    """Rise in a straight line from 0 at -3 to 1 at 3. At both ends the gradient is 0."""
    return np.clip(x + 3, 0, 6) / 6


@hard_sigmoid.backward
def hard_sigmoid_backward(dout: Array, x: Array) -> Array:
    return dout * ((x > -3) & (x < 3)) / 6


@op
def softmax(x: Array, *, axis: Axis = -1) -> Array:
    """Turn scores into probabilities along an axis. A score of -inf gets 0; all -inf give nan."""
    e = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return e / np.sum(e, axis=axis, keepdims=True)


@softmax.backward
def softmax_backward(dout: Array, out: Array, axis: Axis) -> Array:
    return out * (dout - np.sum(dout * out, axis=axis, keepdims=True))


@op
def log_softmax(x: Array, *, axis: Axis = -1) -> Array:
    """Take the logarithm of the softmax along an axis, without overflow."""
    shifted = x - np.max(x, axis=axis, keepdims=True)
    return shifted - np.log(np.sum(np.exp(shifted), axis=axis, keepdims=True))


@log_softmax.backward
def log_softmax_backward(dout: Array, out: Array, axis: Axis) -> Array:
    return dout - np.exp(out) * np.sum(dout, axis=axis, keepdims=True)


@op
def logsumexp(x: Array, *, axis: Axis = -1, keepdims: bool = False) -> Array:
    """Take the logarithm of a sum of exponentials along axes, without overflow.

    An x of -inf adds nothing. All -inf give -inf, and then the gradient is nan.
    """
    largest = np.max(x, axis=axis, keepdims=True)
    top = np.where(np.isfinite(largest), largest, 0)  # inf - inf is nan
    total = top + np.log(np.sum(np.exp(x - top), axis=axis, keepdims=True))
    return np.reshape(total, reduced_shape(x.shape, axis, keepdims))


@logsumexp.backward
def logsumexp_backward(dout: Array, x: Array, out: Array, axis: Axis) -> Array:
    kept = kept_shape(x.shape, axis)
    return np.reshape(dout, kept) * np.exp(x - np.reshape(out, kept))
