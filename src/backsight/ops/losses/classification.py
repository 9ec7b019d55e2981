"""Losses of scores against classes: cross-entropy in its forms, and margins.

x are scores (N, C) or (N, C, d1, …): the classes are axis 1. `labels` (N,) or (N, d1, …) hold class
numbers; they are attributes, since nothing flows to an integer. `reduction` is "mean", "sum" or
"none".
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...arrays import Array, describe
from ...errors import DTypeError, IndexingError, ShapeError, UsageError
from ..activations import log_softmax
from ..indexing import check_labels, gather, one_hot
from ..protocol import op
from .regression import check_reduction, check_signs, divisor

__all__ = [
    "cross_entropy",
    "cross_entropy_probabilities",
    "hinge_loss",
    "multiclass_svm",
    "nll_loss",
]


def is_plain(weight: Any, ignore_index: int | None, label_smoothing: float = 0.0) -> bool:
    """Tell whether every label counts once, and in full: the loss of the textbooks."""
    return weight is None and ignore_index is None and label_smoothing == 0


def class_targets(
    labels: Array,
    classes: int,
    dtype: Any,
    weight: Array | None = None,
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
) -> Array:
    """Return what scores are pulled to, (N, C, …): one-hot, smoothed, weighed, 0 where ignored."""
    target = one_hot(labels, classes, dtype)
    if label_smoothing:
        target = (1 - label_smoothing) * target + label_smoothing / classes
    if weight is not None:
        target = target * weight.astype(dtype)
    if ignore_index is not None:
        target = target * (labels != ignore_index)[..., None]
    return np.moveaxis(target, -1, 1)


def total_weight(labels: Array, dtype: Any, weight: Array | None, ignore_index: int | None) -> Any:
    """Return what the mean divides by: how many labels count, each with the weight of its class."""
    counted = np.ones_like(labels, dtype=bool) if ignore_index is None else labels != ignore_index
    each = 1 if weight is None else weight.astype(dtype)[np.where(counted, labels, 0)]
    return np.sum(counted * each, dtype=dtype)


@op
def cross_entropy(
    x: Array,
    *,
    labels: Array,
    weight: Array | None = None,
    label_smoothing: float = 0.0,
    ignore_index: int | None = None,
    reduction: str = "mean",
) -> Array:
    """Take −log of the softmax probability of the right class: logits x, integer labels.

    `weight` (C,) multiplies the loss of each class, and the mean divides by the weights in sum.
    `label_smoothing` gives that share of each label to all classes alike. Labels equal to
    `ignore_index` do not count; PyTorch ignores −100 unasked, here it must be said. The mean of no
    labels is nan. Raises IndexingError for other labels outside 0 to C−1.

    Source: the gradient is softmax(x) − one_hot(labels); Bridle 1990.
    """
    log_p = log_softmax(x, axis=1)
    if is_plain(weight, ignore_index, label_smoothing):
        picked = gather(log_p, index=np.expand_dims(labels, 1), axis=1)
        each = -np.squeeze(picked, axis=1)
        count = labels.size
    else:
        target = class_targets(labels, x.shape[1], x.dtype, weight, ignore_index, label_smoothing)
        each = -np.sum(target * np.where(target == 0, 0, log_p), axis=1)  # 0 · log 0 is 0
        count = total_weight(labels, x.dtype, weight, ignore_index)
    return (
        each
        if reduction == "none"
        else np.sum(each)
        if reduction == "sum"
        else np.mean(each)
        if is_plain(weight, ignore_index, label_smoothing)
        else np.sum(each) / count
    )


@cross_entropy.backward
def cross_entropy_backward(
    dout: Array,
    log_p: Array,
    labels: Array,
    weight: Array | None,
    label_smoothing: float,
    ignore_index: int | None,
    count: Any,
    reduction: str,
) -> Array:
    share = dout / (count + (count == 0)) if reduction == "mean" else dout
    rows = np.expand_dims(share, 1) if reduction == "none" else share
    classes = log_p.shape[1]
    target = (
        one_hot(labels, classes, log_p.dtype)
        if log_p.ndim == 2 and is_plain(weight, ignore_index, label_smoothing)
        else class_targets(labels, classes, log_p.dtype, weight, ignore_index, label_smoothing)
    )
    p = np.exp(log_p)
    # A row that is weighed or ignored adds up to something else than 1.
    pull = p if is_plain(weight, ignore_index) else p * np.sum(target, axis=1, keepdims=True)
    dx = rows * (pull - target)
    return dx


@op
def cross_entropy_probabilities(
    x: Array, *, targets: Array, label_smoothing: float = 0.0, reduction: str = "mean"
) -> Array:
    """Take −Σ targets · log softmax(x): logits x against probabilities of the same shape.

    Raises ShapeError where the shapes differ: nothing is broadcast here.
    """
    log_p = log_softmax(x, axis=1)
    target = softened(targets, label_smoothing, x.shape[1], x.dtype)
    each = -np.sum(target * np.where(target == 0, 0, log_p), axis=1)  # 0 · log 0 is 0
    return each if reduction == "none" else np.sum(each) if reduction == "sum" else np.mean(each)


@cross_entropy_probabilities.backward
def cross_entropy_probabilities_backward(
    dout: Array, log_p: Array, target: Array, each: Array, reduction: str
) -> Array:
    share = dout / divisor(reduction, each.shape)
    rows = np.expand_dims(share, 1) if reduction == "none" else share
    dx = rows * (np.sum(target, axis=1, keepdims=True) * np.exp(log_p) - target)
    return dx


def softened(targets: Array, label_smoothing: float, classes: int, dtype: Any) -> Array:
    """Return probabilities of which a share is given to all classes alike."""
    given = targets.astype(dtype)
    if not label_smoothing:
        return given
    return (1 - label_smoothing) * given + label_smoothing / classes


@op
def nll_loss(
    x: Array,
    *,
    labels: Array,
    weight: Array | None = None,
    ignore_index: int | None = None,
    reduction: str = "mean",
) -> Array:
    """Take −x of the right class: log-probabilities x, integer labels. See `cross_entropy`."""
    if is_plain(weight, ignore_index):
        each = -np.squeeze(gather(x, index=np.expand_dims(labels, 1), axis=1), axis=1)
        count = labels.size
    else:
        target = class_targets(labels, x.shape[1], x.dtype, weight, ignore_index)
        each = -np.sum(target * np.where(target == 0, 0, x), axis=1)
        count = total_weight(labels, x.dtype, weight, ignore_index)
    return (
        each
        if reduction == "none"
        else np.sum(each)
        if reduction == "sum"
        else np.mean(each)
        if is_plain(weight, ignore_index)
        else np.sum(each) / count
    )


@nll_loss.backward
def nll_loss_backward(
    dout: Array,
    x: Array,
    labels: Array,
    weight: Array | None,
    ignore_index: int | None,
    count: Any,
    reduction: str,
) -> Array:
    share = dout / (count + (count == 0)) if reduction == "mean" else dout
    rows = np.expand_dims(share, 1) if reduction == "none" else share
    dx = -rows * class_targets(labels, x.shape[1], x.dtype, weight, ignore_index)
    return dx


@op
def multiclass_svm(
    x: Array, *, labels: Array, margin: float = 1.0, reduction: str = "mean"
) -> Array:
    """Sum max(0, s_j − s_y + margin) over the wrong classes j: scores x (N, C), labels (N,).

    The mean is over samples. PyTorch's `multi_margin_loss` divides by C besides. At the hinge the
    slope is 0.

    Source: Weston & Watkins 1999; CS231n, notes on linear classification.
    """
    right = gather(x, index=labels[:, None], axis=1)
    wrong = labels[:, None] != np.arange(x.shape[1], like=labels)
    excess = np.maximum(x - right + margin, 0) * wrong
    each = np.sum(excess, axis=1)
    return each if reduction == "none" else np.sum(each) if reduction == "sum" else np.mean(each)


@multiclass_svm.backward
def multiclass_svm_backward(dout: Array, labels: Array, excess: Array, reduction: str) -> Array:
    share = dout / divisor(reduction, labels.shape)
    rows = share[:, None] if reduction == "none" else share
    pushed = excess > 0
    pulled = np.sum(pushed, axis=1, keepdims=True, dtype=excess.dtype)  # once by each of them
    dx = rows * (pushed - pulled * one_hot(labels, excess.shape[1], excess.dtype))
    return dx


@op
def hinge_loss(x: Array, *, labels: Array, margin: float = 1.0, reduction: str = "mean") -> Array:
    """Take max(0, margin − label · x): scores x of any shape, labels 1 and −1 of the same shape.

    At the hinge the slope is 0.
    """
    signed = np.where(labels > 0, x, -x)
    each = np.maximum(margin - signed, 0)
    return each if reduction == "none" else np.sum(each) if reduction == "sum" else np.mean(each)


@hinge_loss.backward
def hinge_loss_backward(dout: Array, labels: Array, each: Array, reduction: str) -> Array:
    dsigned = -dout / divisor(reduction, each.shape) * (each > 0)
    dx = np.where(labels > 0, dsigned, -dsigned)
    return dx


# ---- checks


def check_classes(
    x: Array, labels: Array, weight: Array | None, ignore_index: int | None, reduction: str
) -> None:
    """Raise an error unless labels are class numbers of x, one for each row of scores."""
    check_reduction(x, reduction)
    shape, given = np.shape(x), np.shape(labels)
    kind = getattr(labels, "dtype", np.dtype(object)).kind
    if given == shape and kind == "f":
        raise DTypeError(
            f"labels are {describe(labels)}; class probabilities go to "
            "cross_entropy_probabilities, or take their class: labels.argmax(axis=1)"
        )
    if kind not in "iu":
        raise DTypeError(
            f"labels are {describe(labels)}; they must be an array of integers, the class numbers"
        )
    if len(shape) < 2 or given != (shape[0], *shape[2:]):
        expected = (shape[0], *shape[2:]) if len(shape) > 1 else "(N,) for x (N, C)"
        raise ShapeError(
            f"x {shape} and labels {given} do not fit: x is (N, C) or (N, C, …), and labels have "
            f"its shape without C: {expected}"
        )
    if weight is not None and np.shape(weight) != (shape[1],):
        raise ShapeError(f"weight {np.shape(weight)} must be ({shape[1]},), one for each class")
    counted = labels if ignore_index is None else labels[labels != ignore_index]
    try:
        check_labels(counted, shape[1])
    except IndexingError as error:
        hint = "; to leave labels out, pass ignore_index" if np.min(counted) < 0 else ""
        raise IndexingError(f"{error}{hint}") from None


@cross_entropy.check
def check_cross_entropy(
    x: Array,
    labels: Array,
    weight: Array | None,
    label_smoothing: float,
    ignore_index: int | None,
    reduction: str,
) -> None:
    """Refuse labels that are not the classes of x, and a share outside 0 to 1."""
    check_classes(x, labels, weight, ignore_index, reduction)
    check_smoothing(label_smoothing)


def check_smoothing(label_smoothing: float) -> None:
    """Raise UsageError unless the share is from 0 to 1."""
    if not 0 <= label_smoothing <= 1:
        raise UsageError(f"label_smoothing is a share, 0 to 1, not {label_smoothing}")


@nll_loss.check
def check_nll_loss(
    x: Array, labels: Array, weight: Array | None, ignore_index: int | None, reduction: str
) -> None:
    """Refuse labels that are not the classes of x."""
    check_classes(x, labels, weight, ignore_index, reduction)


@multiclass_svm.check
def check_multiclass_svm(x: Array, labels: Array, reduction: str) -> None:
    """Refuse labels that are not the classes of x (N, C)."""
    if np.ndim(x) != 2:
        raise ShapeError(f"x {np.shape(x)} must be (N, C)")
    check_classes(x, labels, None, None, reduction)


@cross_entropy_probabilities.check
def check_cross_entropy_probabilities(
    x: Array, targets: Array, label_smoothing: float, reduction: str
) -> None:
    """Refuse targets that are not probabilities of the shape of x."""
    check_reduction(x, reduction)
    check_smoothing(label_smoothing)
    if getattr(targets, "dtype", np.dtype(object)).kind != "f":
        raise DTypeError(
            f"targets are {describe(targets)}; they must be an array of floats, the probabilities. "
            "Class numbers go to cross_entropy as labels"
        )
    if np.ndim(x) < 2 or np.shape(targets) != np.shape(x):
        raise ShapeError(
            f"x {np.shape(x)} and targets {np.shape(targets)} must have one shape, "
            "(N, C) or (N, C, …)"
        )


@hinge_loss.check
def check_hinge_loss(x: Array, labels: Array, reduction: str) -> None:
    """Refuse labels that are not 1 and −1, one per score."""
    check_reduction(x, reduction)
    check_signs(labels, np.shape(x))
