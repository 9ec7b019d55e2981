"""Sample rows for losses.py."""

from __future__ import annotations

from typing import Any

import numpy as np

from .sample import Sample, normal, positive


def F() -> Any:
    import torch.nn.functional

    return torch.nn.functional


def constant(array: Any) -> Any:
    import torch

    return torch.tensor(np.asarray(array))


def named(function: str, **options: Any) -> Any:
    """The function of torch.nn.functional of that name, with options."""
    return lambda x, y: getattr(F(), function)(x, y, **options)


def probabilities(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng((seed, *shape)).uniform(0.05, 0.95, shape)


def distribution(*shape: int, seed: int = 0) -> Any:
    p = probabilities(*shape, seed=seed)
    return p / p.sum(axis=-1, keepdims=True)


def reductions(op: str, function: str, inputs: tuple[Any, ...], **attributes: Any) -> list[Sample]:
    """One row for each reduction, with PyTorch's counterpart of the same attributes."""
    return [
        Sample(
            op,
            inputs,
            {"reduction": reduction, **attributes},
            torch=named(function, reduction=reduction, **attributes),
            note=reduction,
        )
        for reduction in ("mean", "sum", "none")
    ]


X, Y = normal(3, 2), normal(3, 2, seed=1)
P, Q = probabilities(3, 2), probabilities(3, 2, seed=1)
LOG_P = np.log(distribution(3, 4))
SIGNS = np.array([1, -1, 1])
HEAVY = np.array([3.0, 0.5], np.float16)  # narrow: it widens nothing


def half(x: Any, y: Any) -> Any:
    return 0.5 * ((x - y) ** 2).sum()


def huber_of_error(delta: float) -> Any:
    return lambda x: F().huber_loss(x, 0 * x, delta=delta, reduction="none")


SAMPLES = [
    # differences
    *reductions("squared_error", "mse_loss", (X, Y)),
    Sample(
        "squared_error",
        (X, normal(2)),
        torch=lambda x, y: F().mse_loss(x, y.expand(3, 2)),
        note="broadcast",
    ),
    Sample(
        "squared_error",
        (np.float64(2.0), np.float64(0.5)),
        torch=named("mse_loss"),
        note="numbers",
    ),
    Sample(
        "squared_error",
        (np.zeros((0, 3)), np.zeros((0, 3))),
        {"reduction": "sum"},
        torch=named("mse_loss", reduction="sum"),
        note="empty",
    ),
    Sample("half_squared_error", (X, Y), torch=half),
    Sample("half_squared_error", (X, normal(3, 1)), torch=half, note="broadcast"),
    Sample("half_squared_error", (np.float64(2.0), np.float64(0.5)), torch=half, note="numbers"),
    *reductions("absolute_error", "l1_loss", (X, Y)),
    Sample(
        "absolute_error",
        (np.array([1.0, 2.0]), np.array([1.0, 0.0])),
        torch=named("l1_loss"),
        note="equal",
        kinks=True,
    ),
    Sample("huber", (X,), torch=huber_of_error(1.0)),
    Sample("huber", (3 * X,), {"delta": 1.5}, torch=huber_of_error(1.5), note="delta"),
    Sample(
        "huber",
        (np.array([-2.0, -1.0, 0.0, 1.0, 1000.0]),),
        torch=huber_of_error(1.0),
        note="kinks",
        kinks=True,
    ),
    Sample("huber", (np.float64(0.5),), torch=huber_of_error(1.0), note="a number"),
    *reductions("huber_loss", "huber_loss", (3 * X, Y), delta=0.5),
    *reductions("smooth_l1_loss", "smooth_l1_loss", (3 * X, Y), beta=0.5),
    Sample(
        "smooth_l1_loss",
        (X, Y),
        {"beta": 0.0},
        torch=named("smooth_l1_loss", beta=0.0),
        note="beta 0",
    ),
    Sample(
        "smooth_l1_loss",
        (np.array([-1.0, 0.0, 2.0]), np.array([1.0, 0.0, 0.0])),
        {"beta": 2.0},
        torch=named("smooth_l1_loss", beta=2.0),
        note="kinks",
        kinks=True,
    ),
    # probabilities
    *reductions("bce", "binary_cross_entropy", (P, Q)),
    Sample(
        "bce",
        (np.array([0.0, 1.0, 0.0, 1.0, 1e-30]), np.array([0.0, 1.0, 1.0, 0.0, 0.5])),
        note="certain (PyTorch gives y an infinite gradient)",
        kinks=True,
        half=False,
    ),
    *reductions("bce_with_logits", "binary_cross_entropy_with_logits", (X, Q)),
    Sample(
        "bce_with_logits",
        (X, Q),
        {"positive_weight": 3.0},
        torch=lambda x, y: F().binary_cross_entropy_with_logits(
            x, y, pos_weight=constant(3.0).double()
        ),
        note="positive_weight",
    ),
    Sample(
        "bce_with_logits",
        (X, Q),
        {"positive_weight": HEAVY, "reduction": "sum"},
        torch=lambda x, y: F().binary_cross_entropy_with_logits(
            x, y, pos_weight=constant(HEAVY).double(), reduction="sum"
        ),
        note="positive_weight by column",
    ),
    Sample(
        "bce_with_logits",
        (np.array([1000.0, 1000.0, -1000.0, -1000.0, 0.0]), np.array([0.0, 1.0, 0.0, 1.0, 0.5])),
        torch=named("binary_cross_entropy_with_logits"),
        note="large",
        kinks=True,
    ),
    Sample(
        "kl_divergence",
        (LOG_P, distribution(3, 4, seed=1)),
        torch=lambda x, y: F().kl_div(x, y, reduction="sum") / 12,  # "mean" itself warns
        note="mean",
    ),
    Sample(
        "kl_divergence",
        (LOG_P, distribution(3, 4, seed=1)),
        {"reduction": "none"},
        torch=named("kl_div", reduction="none"),
        note="none",
    ),
    Sample(
        "kl_divergence",
        (LOG_P, distribution(3, 4, seed=1)),
        {"reduction": "batchmean"},
        torch=named("kl_div", reduction="batchmean"),
        note="batchmean",
    ),
    Sample(
        "kl_divergence",
        (LOG_P, np.log(distribution(3, 4, seed=1))),
        {"log_target": True, "reduction": "sum"},
        torch=named("kl_div", log_target=True, reduction="sum"),
        note="log_target",
    ),
    # angles
    Sample("cosine_similarity", (X, Y), torch=named("cosine_similarity", dim=-1)),
    Sample(
        "cosine_similarity",
        (normal(3, 1, 2), normal(1, 2, 2)),
        torch=named("cosine_similarity", dim=-1),
        note="all pairs",
    ),
    Sample(
        "cosine_similarity",
        (normal(2, 3, 2), normal(2, 3, 2, seed=1)),
        {"axis": 1},
        torch=named("cosine_similarity", dim=1),
        note="axis",
    ),
    Sample(
        "cosine_similarity",
        (1000 * X, Y),
        torch=named("cosine_similarity", dim=-1),
        note="large",
        half=False,
    ),
    Sample(
        "cosine_similarity",
        (np.zeros((2, 3)), normal(2, 3)),
        torch=named("cosine_similarity", dim=-1),
        note="of a zero vector",
        kinks=True,
        half=False,
    ),
    *(
        Sample(
            "cosine_embedding_loss",
            (normal(3, 4), normal(3, 4, seed=3)),
            {"labels": SIGNS, "margin": -0.9, "reduction": reduction},
            torch=lambda x, y, reduction=reduction: F().cosine_embedding_loss(
                x, y, constant(SIGNS), margin=-0.9, reduction=reduction
            ),
            note=reduction,
        )
        for reduction in ("mean", "sum", "none")
    ),
    Sample(
        "cosine_embedding_loss",
        (normal(4), normal(4, seed=1)),
        {"labels": np.array(-1.0), "margin": -0.9},
        torch=lambda x, y: F().cosine_embedding_loss(x, y, constant(-1.0), margin=-0.9),
        note="one pair",
    ),
    Sample(
        "cosine_embedding_loss",
        (positive(2, 3), -positive(2, 3)),
        {"labels": np.array([-1, -1])},
        torch=lambda x, y: F().cosine_embedding_loss(x, y, constant([-1, -1])),
        note="far enough apart",
    ),
]
