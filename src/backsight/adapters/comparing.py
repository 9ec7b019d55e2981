"""What losses compare: the names of losses, whoever computes them, and the figures of both sides.

A loss is an op of that name, or a difference between what the network gives and a large constant,
on the loss side: `(prediction − target) ** 2`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .figures import range_figures, rms

OF_LABELS = ("cross_entropy", "nll_loss", "multiclass_svm")
"""Losses of numbered classes, which lie along axis 1 of the prediction."""

CLASSIFYING = (*OF_LABELS, "hinge_loss")

ELEMENTWISE = (
    "squared_error", "half_squared_error", "absolute_error", "huber_loss", "smooth_l1_loss", "bce",
    "distance",
)  # fmt: skip
"""Losses that ask each output to equal its target."""

LOSSES = (
    *CLASSIFYING,
    *ELEMENTWISE,
    "cross_entropy_probabilities",
    "bce_with_logits",
    "kl_divergence",
)

BY_HAND = {
    "power": "squared_error",
    "square": "squared_error",
    "absolute": "absolute_error",
    "huber": "huber_loss",
    "linalg_vector_norm": "distance",
}
"""What a difference is by the op that takes it, past those that bound, mask or weigh it."""

THROUGH = ("clip", "clamp", "hard_tanh", "multiply", "divide", "div")
MOST_LOSSES = 64  # of one pass
MOST_SUMMED = 256  # rows of a target


def loss_figures(op: str, prediction: Any, target: Any) -> dict[str, float]:
    """Measure the two sides of a loss, arrays of NumPy or None where one is not known.

    `error_rms` is that of prediction − target where the two are of one shape and meant to be equal.
    """
    figures: dict[str, float] = {}
    with np.errstate(all="ignore"):
        if prediction is not None:
            figures |= range_figures("prediction", prediction)
            if op in OF_LABELS and prediction.ndim >= 2:
                figures["classes"] = float(prediction.shape[1])
            elif op == "cross_entropy_probabilities":
                figures["classes"] = float(prediction.shape[min(1, prediction.ndim - 1)])
        if target is None or not target.size:
            return figures
        figures |= range_figures("target", target)
        if op in CLASSIFYING:
            return figures
        figures["target_rms"] = rms(target)
        figures["target_std"] = float(np.std(target, dtype=np.float64))
        if target.ndim == 2:
            sums = np.sum(target[:MOST_SUMMED], axis=-1, dtype=np.float64)
            figures["target_sums_min"] = float(np.min(sums))
            figures["target_sums_max"] = float(np.max(sums))
        alike = op in ELEMENTWISE and prediction is not None and prediction.shape == target.shape
        if alike:
            figures["error_rms"] = rms(np.subtract(prediction, target, dtype=np.float64))
    return figures
