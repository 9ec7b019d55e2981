"""Sample rows for classification.py."""

from __future__ import annotations

from typing import Any

import numpy as np

from .sample import Sample, integers, normal, positive
from .samples_losses import F, constant, distribution

X, LABELS = normal(4, 3), np.array([0, 2, 1, 2])
PIXELS, PIXEL_LABELS = normal(2, 3, 2, 2), integers(3, 2, 2, 2)
WEIGHT = np.array([1.0, 0.5, 2.0], np.float16)  # narrow: it widens nothing
PADDED = np.array([0, -100, 1, -100])
SIGNS = np.array([[1, -1, 1], [-1, -1, 1]])


def theirs(function: str, labels: Any, **options: Any) -> Any:
    """The function of torch.nn.functional of that name for fixed labels."""

    def loss(x: Any) -> Any:
        given = dict(options)
        if given.get("weight") is not None:
            given["weight"] = constant(given["weight"]).to(x.dtype)
        return getattr(F(), function)(x, constant(labels), **given)

    return loss


def of_labels(op: str, x: Any, labels: Any, note: str = "", **attributes: Any) -> Sample:
    """A row for an op with labels, compared with PyTorch's function of the same attributes."""
    return Sample(
        op,
        (x,),
        {"labels": labels, **attributes},
        torch=theirs(op, labels, **attributes),
        note=note,
    )


def of_probabilities(x: Any, targets: Any, note: str = "", **attributes: Any) -> Sample:
    return Sample(
        "cross_entropy_probabilities",
        (x,),
        {"targets": targets.astype(np.float16), **attributes},
        torch=theirs("cross_entropy", targets.astype(np.float16).astype(float), **attributes),
        note=note,
    )


def hinge(reduction: str, margin: float = 1.0) -> Any:
    return lambda x: F().margin_ranking_loss(
        x, 0 * x.detach(), constant(SIGNS), margin=margin, reduction=reduction
    )


def svm(reduction: str, margin: float = 1.0, classes: int = 3) -> Any:
    return lambda x: (
        classes * F().multi_margin_loss(x, constant(LABELS), margin=margin, reduction=reduction)
    )


SAMPLES = [
    *(of_labels("cross_entropy", X, LABELS, r, reduction=r) for r in ("mean", "sum", "none")),
    *(
        of_labels(
            "cross_entropy",
            X,
            PADDED,
            f"everything, {r}",
            weight=WEIGHT,
            label_smoothing=0.1,
            ignore_index=-100,
            reduction=r,
        )
        for r in ("mean", "sum", "none")
    ),
    of_labels("cross_entropy", X, LABELS, "weight", weight=WEIGHT),
    of_labels("cross_entropy", X, LABELS, "smoothing", label_smoothing=0.2),
    of_labels("cross_entropy", X, LABELS, "smoothing 1", label_smoothing=1.0),
    of_labels("cross_entropy", X, LABELS, "ignores a class", ignore_index=2),
    of_labels("cross_entropy", X, PADDED, "ignores -100", ignore_index=-100, weight=WEIGHT),
    of_labels("cross_entropy", PIXELS, PIXEL_LABELS, "pixels"),
    of_labels("cross_entropy", PIXELS, PIXEL_LABELS, "pixels, none", reduction="none"),
    of_labels(
        "cross_entropy", PIXELS, PIXEL_LABELS, "pixels, weight", weight=WEIGHT, ignore_index=0
    ),
    of_labels("cross_entropy", normal(1, 1), np.array([0]), "one class"),
    of_labels("cross_entropy", np.zeros((0, 3)), LABELS[:0], "empty", reduction="sum"),
    Sample(
        "cross_entropy",
        (1000 * X,),
        {"labels": LABELS},
        torch=theirs("cross_entropy", LABELS),
        note="large",
        half=False,
    ),
    Sample(
        "cross_entropy",
        (np.array([[0.5, -np.inf, 1.0], [2.0, 1.0, -np.inf]]),),
        {"labels": np.array([0, 1])},
        torch=theirs("cross_entropy", np.array([0, 1])),
        note="-inf elsewhere",
    ),
    *(of_probabilities(X, distribution(4, 3), r, reduction=r) for r in ("mean", "sum", "none")),
    of_probabilities(X, distribution(4, 3), "smoothing", label_smoothing=0.1),
    of_probabilities(X, positive(4, 3), "not adding to 1"),
    of_probabilities(PIXELS, np.moveaxis(distribution(2, 2, 2, 3), -1, 1), "pixels"),
    *(of_labels("nll_loss", X, LABELS, r, reduction=r) for r in ("mean", "sum", "none")),
    of_labels("nll_loss", X, PADDED, "ignores -100", weight=WEIGHT, ignore_index=-100),
    of_labels("nll_loss", X, LABELS, "ignores a class", ignore_index=0, reduction="none"),
    of_labels("nll_loss", PIXELS, PIXEL_LABELS, "pixels"),
    *(
        Sample(
            "multiclass_svm",
            (X,),
            {"labels": LABELS, "reduction": r},
            torch=svm(r),
            note=r,
        )
        for r in ("mean", "sum", "none")
    ),
    Sample(
        "multiclass_svm",
        (X,),
        {"labels": LABELS, "margin": 0.3},
        torch=svm("mean", margin=0.3),
        note="margin",
    ),
    Sample(
        "multiclass_svm",
        (np.array([[1.0, 0.0, 2.0], [5.0, 0.0, 0.0], [0.0, 0.0, 0.0], [3.0, 2.5, 2.0]]),),
        {"labels": LABELS},
        torch=svm("mean"),
        note="at the hinge",
        kinks=True,
    ),
    *(
        Sample(
            "hinge_loss",
            (normal(2, 3),),
            {"labels": SIGNS, "reduction": r},
            torch=hinge(r),
            note=r,
        )
        for r in ("mean", "sum", "none")
    ),
    Sample(
        "hinge_loss",
        (1000 * normal(2, 3),),
        {"labels": SIGNS, "margin": 2.0},
        torch=hinge("mean", 2.0),
        note="large",
    ),
    Sample(
        "hinge_loss",
        (np.float64(0.3),),
        {"labels": np.array(-1.0)},
        torch=lambda x: (1 + x).clamp(min=0),
        note="a number",
    ),
]
