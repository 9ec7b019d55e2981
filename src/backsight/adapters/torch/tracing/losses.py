"""Losses of PyTorch in our ops."""

from __future__ import annotations

from typing import Any

import numpy as np

from .plans import Plan, converts, plain, require

IGNORED = -100  # PyTorch's label that does not count, unless it is told another


@converts("cross_entropy")
def _cross_entropy(
    do: Plan, input: Any, target: Any, weight: Any = None, size_average: Any = None,
    ignore_index: int = IGNORED, reduce: Any = None, reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Any:  # fmt: skip
    require(size_average is None and reduce is None)
    if plain(target).dtype.kind == "f":
        require(weight is None)
        return do(
            "cross_entropy_probabilities",
            input,
            targets=plain(target),
            label_smoothing=label_smoothing,
            reduction=reduction,
        )
    if input.ndim == 1:
        found = do("expand_dims", input, axis=0)
        labels = np.reshape(plain(target), (1,))
        return do("cross_entropy", found, labels=labels, reduction="sum")
    return do(
        "cross_entropy",
        input,
        labels=plain(target),
        weight=plain(weight),
        label_smoothing=label_smoothing,
        ignore_index=_ignored(target, ignore_index),
        reduction=reduction,
    )


@converts("nll_loss", "nll_loss_nd", "nll_loss2d")
def _nll_loss(
    do: Plan, input: Any, target: Any, weight: Any = None, size_average: Any = None,
    ignore_index: int = IGNORED, reduce: Any = None, reduction: str = "mean",
) -> Any:  # fmt: skip
    require(size_average is None and reduce is None)
    return do(
        "nll_loss",
        input,
        labels=plain(target),
        weight=plain(weight),
        ignore_index=_ignored(target, ignore_index),
        reduction=reduction,
    )


def _ignored(target: Any, index: int) -> int | None:
    """Return the label that does not count, None where there is none of it."""
    return index if np.any(plain(target) == index) else None


@converts("mse_loss")
def _mse_loss(
    do: Plan, input: Any, target: Any, size_average: Any = None, reduce: Any = None,
    reduction: str = "mean", weight: Any = None,
) -> Any:  # fmt: skip
    require(size_average is None and reduce is None and weight is None)
    return do("squared_error", input, target, reduction=reduction)


@converts("l1_loss")
def _l1_loss(
    do: Plan, input: Any, target: Any, size_average: Any = None, reduce: Any = None,
    reduction: str = "mean", weight: Any = None,
) -> Any:  # fmt: skip
    require(size_average is None and reduce is None and weight is None)
    return do("absolute_error", input, target, reduction=reduction)


@converts("smooth_l1_loss")
def _smooth_l1_loss(
    do: Plan, input: Any, target: Any, size_average: Any = None, reduce: Any = None,
    reduction: str = "mean", beta: float = 1.0,
) -> Any:  # fmt: skip
    require(size_average is None and reduce is None)
    return do("smooth_l1_loss", input, target, beta=beta, reduction=reduction)


@converts("huber_loss")
def _huber_loss(
    do: Plan, input: Any, target: Any, reduction: str = "mean", delta: float = 1.0,
    weight: Any = None,
) -> Any:  # fmt: skip
    require(weight is None)
    return do("huber_loss", input, target, delta=delta, reduction=reduction)


@converts("binary_cross_entropy")
def _bce(
    do: Plan, input: Any, target: Any, weight: Any = None, size_average: Any = None,
    reduce: Any = None, reduction: str = "mean",
) -> Any:  # fmt: skip
    require(size_average is None and reduce is None and weight is None)
    return do("bce", input, target, reduction=reduction)


@converts("binary_cross_entropy_with_logits")
def _bce_with_logits(
    do: Plan, input: Any, target: Any, weight: Any = None, size_average: Any = None,
    reduce: Any = None, reduction: str = "mean", pos_weight: Any = None,
) -> Any:  # fmt: skip
    require(size_average is None and reduce is None and weight is None)
    return do(
        "bce_with_logits",
        input,
        target,
        positive_weight=plain(pos_weight),
        reduction=reduction,
    )


@converts("kl_div")
def _kl_div(
    do: Plan, input: Any, target: Any, size_average: Any = None, reduce: Any = None,
    reduction: str = "mean", log_target: bool = False,
) -> Any:  # fmt: skip
    require(size_average is None and reduce is None)
    return do("kl_divergence", input, target, log_target=log_target, reduction=reduction)


@converts("cosine_similarity")
def _cosine_similarity(do: Plan, x1: Any, x2: Any, dim: int = 1, eps: float = 1e-8) -> Any:
    return do("cosine_similarity", x1, x2, axis=dim, eps=eps)


@converts("cosine_embedding_loss")
def _cosine_embedding_loss(
    do: Plan, input1: Any, input2: Any, target: Any, margin: float = 0.0,
    size_average: Any = None, reduce: Any = None, reduction: str = "mean",
) -> Any:  # fmt: skip
    require(size_average is None and reduce is None)
    return do(
        "cosine_embedding_loss",
        input1,
        input2,
        labels=plain(target),
        margin=margin,
        reduction=reduction,
    )
