"""Losses that compare predictions with targets of the same shape (those of classes are elsewhere).

`reduction` is "mean" (over every element), "sum" or "none" everywhere, as in PyTorch. Targets are
inputs: they get gradients where they want them. Shapes broadcast, also as in PyTorch.
"""

from __future__ import annotations

import math

import numpy as np

from ...arrays import Array, Shape
from ...errors import DTypeError, ShapeError, UsageError
from ..activations import sigmoid
from ..protocol import op

__all__ = [
    "absolute_error",
    "bce",
    "bce_with_logits",
    "cosine_embedding_loss",
    "cosine_similarity",
    "half_squared_error",
    "huber",
    "huber_loss",
    "kl_divergence",
    "smooth_l1_loss",
    "squared_error",
]


def divisor(reduction: str, shape: Shape) -> int:
    """Return what a reduction divides the sum over `shape` by; never 0.

    >>> divisor("mean", (4, 3)), divisor("batchmean", (4, 3)), divisor("sum", (4, 3))
    (12, 4, 1)
    """
    if reduction == "mean":
        return max(1, math.prod(shape))
    return max(1, math.prod(shape[:1])) if reduction == "batchmean" else 1


@op
def squared_error(x: Array, y: Array, *, reduction: str = "mean") -> Array:
    """Square the difference; with the mean, the mean squared error (`mse_loss` in PyTorch)."""
    error = x - y
    each = error * error
    return each if reduction == "none" else np.sum(each) if reduction == "sum" else np.mean(each)


@squared_error.backward
def squared_error_backward(dout: Array, error: Array, reduction: str) -> tuple[Array, Array]:
    share = dout / divisor(reduction, error.shape)
    dx = 2 * share * error
    dy = -2 * share * error
    return dx, dy


@op
def half_squared_error(x: Array, y: Array) -> Array:
    """Sum ½ (y − x)² over everything: the cost of Nielsen's book and many lectures.

    Its gradient is x − y, without a factor. PyTorch has none of this form.

    Source: Nielsen 2015, chapter 2 (there with a mean over samples).
    """
    error = x - y
    return 0.5 * np.sum(error * error)


@half_squared_error.backward
def half_squared_error_backward(dout: Array, error: Array) -> tuple[Array, Array]:
    dx = dout * error
    dy = -dout * error
    return dx, dy


@op
def absolute_error(x: Array, y: Array, *, reduction: str = "mean") -> Array:
    """Take the size of the difference (`l1_loss` in PyTorch). The gradient at 0 is 0."""
    error = x - y
    each = np.abs(error)
    return each if reduction == "none" else np.sum(each) if reduction == "sum" else np.mean(each)


@absolute_error.backward
def absolute_error_backward(dout: Array, error: Array, reduction: str) -> tuple[Array, Array]:
    share = dout / divisor(reduction, error.shape)
    dx = share * np.sign(error)
    dy = -dx
    return dx, dy


@op
def huber(x: Array, *, delta: float = 1.0) -> Array:
    """Apply Huber's function to an error, elementwise: ½x² up to |x| = delta, straight beyond.

    Its slope is the error clipped to ±delta. `huber_loss` compares two arrays by it.

    Source: Huber 1964.
    """
    clipped = np.clip(x, -delta, delta)
    return clipped * (x - 0.5 * clipped)


@huber.backward
def huber_backward(dout: Array, clipped: Array) -> Array:
    return dout * clipped


@op
def huber_loss(x: Array, y: Array, *, delta: float = 1.0, reduction: str = "mean") -> Array:
    """Apply Huber's function to the difference: ½(x−y)² up to delta, straight beyond."""
    error = x - y
    clipped = np.clip(error, -delta, delta)
    each = clipped * (error - 0.5 * clipped)
    return each if reduction == "none" else np.sum(each) if reduction == "sum" else np.mean(each)


@huber_loss.backward
def huber_loss_backward(dout: Array, clipped: Array, reduction: str) -> tuple[Array, Array]:
    share = dout / divisor(reduction, clipped.shape)
    dx = share * clipped
    dy = -dx
    return dx, dy


@op
def smooth_l1_loss(x: Array, y: Array, *, beta: float = 1.0, reduction: str = "mean") -> Array:
    """Take ½(x−y)²/beta up to |x−y| = beta, |x−y| − ½beta beyond: `huber_loss` divided by beta.

    With beta = 0 it is `absolute_error`.

    Source: Girshick 2015, equation 3.
    """
    error = x - y
    slope = np.sign(error) if beta == 0 else np.clip(error / beta, -1, 1)
    each = slope * (error - 0.5 * beta * slope)
    return each if reduction == "none" else np.sum(each) if reduction == "sum" else np.mean(each)


@smooth_l1_loss.backward
def smooth_l1_loss_backward(dout: Array, slope: Array, reduction: str) -> tuple[Array, Array]:
    share = dout / divisor(reduction, slope.shape)
    dx = share * slope
    dy = -dx
    return dx, dy


@op
def bce(x: Array, y: Array, *, reduction: str = "mean") -> Array:
    """Binary cross-entropy of probabilities: −(y log x + (1−y) log(1−x)).

    x and y from 0 to 1. Logarithms are at least −100, as in PyTorch, so that x = 0 and 1 give a
    number; the slope there is held by 1/max(x(1−x), 1e-12). Prefer `bce_with_logits`, which needs
    neither. Raises UsageError for an x outside 0 to 1.
    """
    # The inner where keeps log(0) from being asked for.
    log_x = np.where(x == 0, -100, np.maximum(np.log(np.where(x == 0, 1, x)), -100))
    log_rest = np.where(x == 1, -100, np.maximum(np.log1p(np.where(x == 1, 0, -x)), -100))
    each = -(y * log_x + (1 - y) * log_rest)
    return each if reduction == "none" else np.sum(each) if reduction == "sum" else np.mean(each)


@bce.backward
def bce_backward(
    dout: Array, x: Array, y: Array, log_x: Array, log_rest: Array, each: Array, reduction: str
) -> tuple[Array, Array]:
    share = dout / divisor(reduction, each.shape)
    dx = share * (x - y) / np.maximum(x * (1 - x), 1e-12)
    dy = share * (log_rest - log_x)
    return dx, dy


@op
def bce_with_logits(
    x: Array, y: Array, *, positive_weight: Array | float | None = None, reduction: str = "mean"
) -> Array:
    """Binary cross-entropy of logits: −(y log σ(x) + (1−y) log(1−σ(x))), without overflow.

    `positive_weight` multiplies the first term: above 1 it counts missed positives more.
    """
    surprise = np.log1p(np.exp(-np.abs(x))) + np.maximum(-x, 0)  # −log σ(x)
    extra = None if positive_weight is None else weight_above_one(positive_weight, x.dtype)
    plain = (1 - y) * x + surprise
    each = plain if positive_weight is None else plain + extra * y * surprise
    return each if reduction == "none" else np.sum(each) if reduction == "sum" else np.mean(each)


@bce_with_logits.backward
def bce_with_logits_backward(
    dout: Array,
    x: Array,
    y: Array,
    surprise: Array,
    extra: Array | None,
    each: Array,
    positive_weight: Array | float | None,
    reduction: str,
) -> tuple[Array, Array]:
    share = dout / divisor(reduction, each.shape)
    p = sigmoid(x)
    dx = share * (p - y) if positive_weight is None else share * (p - y - extra * y * (1 - p))
    dy = -share * x if positive_weight is None else share * (extra * surprise - x)
    return dx, dy


def weight_above_one(weight: Array | float, dtype: object) -> Array | float:
    """Return weight − 1 in a dtype; a Python number stays one."""
    return (weight.astype(dtype) if hasattr(weight, "astype") else weight) - 1


@op
def kl_divergence(
    x: Array, y: Array, *, log_target: bool = False, reduction: str = "mean"
) -> Array:
    """Sum y (log y − x): how far log-probabilities x are from probabilities y.

    `log_target` says that y are log-probabilities, too. "batchmean" divides by the first axis only
    and is the divergence of its definition; "mean" divides by every element, as in PyTorch. y = 0
    adds 0; the gradient of y is −inf there.

    Source: Kullback & Leibler 1951, equation 2.4.
    """
    p = np.exp(y) if log_target else y
    log_p = y if log_target else np.log(np.where(y == 0, 1, y))
    each = p * np.where(p == 0, 0, log_p - x)  # where y is 0, x may be −inf
    return (
        each
        if reduction == "none"
        else np.mean(each)
        if reduction == "mean"
        else np.sum(each) / divisor(reduction, each.shape)
    )


@kl_divergence.backward
def kl_divergence_backward(
    dout: Array, x: Array, y: Array, p: Array, each: Array, log_target: bool, reduction: str
) -> tuple[Array, Array]:
    share = dout / divisor(reduction, each.shape)
    dx = -share * p
    dy = share * (each + p) if log_target else share * (np.log(y) + 1 - x)
    return dx, dy


@op
def cosine_similarity(x: Array, y: Array, *, axis: int = -1, eps: float = 1e-8) -> Array:
    """Take the cosine of the angle between x and y along an axis, from −1 to 1.

    Each norm is at least `eps`, so that a zero vector gives 0.
    """
    x_norm = np.sqrt(np.sum(x * x, axis=axis, keepdims=True))
    y_norm = np.sqrt(np.sum(y * y, axis=axis, keepdims=True))
    x_unit = x / np.maximum(x_norm, eps)
    y_unit = y / np.maximum(y_norm, eps)
    return np.sum(x_unit * y_unit, axis=axis)


@cosine_similarity.backward
def cosine_similarity_backward(
    dout: Array,
    x_norm: Array,
    y_norm: Array,
    x_unit: Array,
    y_unit: Array,
    out: Array,
    axis: int,
    eps: float,
) -> tuple[Array, Array]:
    upstream = np.expand_dims(dout, axis)
    cosine = np.expand_dims(out, axis)
    # A norm held at eps does not move with the vector: then the first term is all.
    dx = upstream * (y_unit - cosine * x_unit * (x_norm > eps)) / np.maximum(x_norm, eps)
    dy = upstream * (x_unit - cosine * y_unit * (y_norm > eps)) / np.maximum(y_norm, eps)
    return dx, dy


@op
def cosine_embedding_loss(
    x: Array, y: Array, *, labels: Array, margin: float = 0.0, reduction: str = "mean"
) -> Array:
    """Pull pairs labelled 1 together, 1 − cos; push those labelled −1 apart, max(0, cos − margin).

    x and y (N, D), labels (N,) of 1 and −1; or (D,) and one label. At cos = margin the slope is
    that of pushing, as in PyTorch, whose 1e-12 under each root is kept, too.
    """
    x_norm = np.sqrt(np.sum(x * x, axis=-1, keepdims=True) + 1e-12)
    y_norm = np.sqrt(np.sum(y * y, axis=-1, keepdims=True) + 1e-12)
    x_unit = x / x_norm
    y_unit = y / y_norm
    cosine = np.sum(x_unit * y_unit, axis=-1)
    each = np.where(labels > 0, 1 - cosine, np.maximum(cosine - margin, 0))
    return each if reduction == "none" else np.sum(each) if reduction == "sum" else np.mean(each)


@cosine_embedding_loss.backward
def cosine_embedding_loss_backward(
    dout: Array,
    x_norm: Array,
    y_norm: Array,
    x_unit: Array,
    y_unit: Array,
    cosine: Array,
    labels: Array,
    margin: float,
    reduction: str,
) -> tuple[Array, Array]:
    share = dout / divisor(reduction, cosine.shape)
    dcosine = np.where(labels > 0, -share, share * (cosine >= margin))[..., None]
    dx = dcosine * (y_unit - cosine[..., None] * x_unit) / x_norm
    dy = dcosine * (x_unit - cosine[..., None] * y_unit) / y_norm
    return dx, dy


def check_reduction(x: Array, reduction: str) -> None:
    """Raise UsageError for an unknown reduction, ShapeError for the mean over an empty batch."""
    if reduction not in ("mean", "sum", "none"):
        raise UsageError(f"reduction is 'mean', 'sum' or 'none', not {reduction!r}")
    if reduction == "mean" and np.size(x) == 0:
        raise ShapeError(
            f"x {np.shape(x)} is an empty batch, over which there is no mean; skip it, or take "
            "reduction='sum'"
        )


for _loss in (squared_error, absolute_error, bce_with_logits):
    _loss.check(check_reduction)


def check_positive(name: str, value: float, or_zero: bool = False) -> None:
    """Raise UsageError unless a setting is above 0 (or 0)."""
    if not (value > 0 or (or_zero and value == 0)):
        raise UsageError(f"{name} must be {'0 or more' if or_zero else 'above 0'}, not {value}")


@huber.check
def check_huber(delta: float) -> None:
    """Refuse a delta that is not positive, as PyTorch does."""
    check_positive("delta", delta)


@huber_loss.check
def check_huber_loss(x: Array, delta: float, reduction: str) -> None:
    """Refuse a delta that is not positive, and unknown reductions."""
    check_positive("delta", delta)
    check_reduction(x, reduction)


@smooth_l1_loss.check
def check_smooth_l1_loss(x: Array, beta: float, reduction: str) -> None:
    """Refuse a negative beta, and unknown reductions."""
    check_positive("beta", beta, or_zero=True)
    check_reduction(x, reduction)


@bce.check
def check_bce(x: Array, reduction: str) -> None:
    """Refuse what is no probability: logits, most often. nan passes, so that it can be traced."""
    check_reduction(x, reduction)
    outside = (x < 0) | (x > 1)
    if np.any(outside):
        worst = (
            np.max(np.where(outside, x, 0)) if np.any(x > 1) else np.min(np.where(outside, x, 0))
        )
        raise UsageError(
            f"x holds {worst:.4g}, but it takes probabilities, 0 to 1; for logits use "
            "bce_with_logits"
        )


@kl_divergence.check
def check_kl_divergence(x: Array, reduction: str) -> None:
    """Refuse unknown reductions."""
    if reduction != "batchmean":
        check_reduction(x, reduction)


def check_signs(labels: Array, shape: Shape) -> None:
    """Raise an error unless labels are 1 and −1, one for each number of `shape`."""
    given = np.shape(labels)
    if not hasattr(labels, "dtype"):
        raise DTypeError(f"labels are an array of 1 and -1, not {type(labels).__name__}")
    if given != shape:
        raise ShapeError(f"labels {given} must be {shape}, one for each prediction")
    wrong = (labels != 1) & (labels != -1)
    if np.any(wrong):
        holds = labels[wrong][0] if given else labels
        hint = "; from 0 and 1 make 2 * labels - 1" if holds == 0 else ""
        raise UsageError(f"labels hold {holds}, but they must be 1 or -1{hint}")


@cosine_embedding_loss.check
def check_cosine_embedding_loss(x: Array, y: Array, labels: Array, reduction: str) -> None:
    """Refuse labels that are not 1 and −1, one per pair, and unknown reductions."""
    check_reduction(x, reduction)
    check_signs(labels, np.broadcast_shapes(np.shape(x), np.shape(y))[:-1])
