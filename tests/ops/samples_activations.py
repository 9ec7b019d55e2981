"""Samples of activation functions, erf, softmax and its kin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .sample import Sample, normal


def F() -> Any:
    import torch.nn.functional

    return torch.nn.functional


def T() -> Any:
    import torch

    return torch


X = 2 * normal(3, 4)
IMAGES = normal(2, 3, 2, 2)
LARGE = np.array([-1e3, -100.0, -20.5, -7.0, 7.0, 19.5, 20.5, 100.0, 1e3])
KINKS = np.array([-3.0, -1.0, -0.5, 0.0, 1.0, 3.0, 6.0])


def rows(
    op: str,
    torch: Callable[..., Any],
    kinks: bool = True,
    tolerance: float = 1e-12,
    **attributes: Any,
) -> list[Sample]:
    """A matrix, one number, nothing, large numbers of both signs, and the kinks."""
    note = ", ".join(f"{name} {value}" for name, value in attributes.items())
    given = [("", X), ("0-d", np.array(0.7)), ("empty", X[:0]), ("large", LARGE), ("kinks", KINKS)]
    return [
        Sample(
            op,
            (x,),
            attributes,
            torch=torch,
            note=f"{note} {name}".strip(),
            kinks=name == "kinks" and kinks,
            tolerance=tolerance,
        )
        for name, x in given
    ]


def along(
    op: str, torch: Callable[..., Any], axis: int | tuple[int, ...], **keywords: Any
) -> list[Sample]:
    """Along an axis: usual scores, large ones, ties, and some of -inf."""
    cube = normal(2, 3, 4)
    given = [
        ("", cube),
        ("large", 1e3 * cube),
        ("ties", np.zeros((2, 3, 4))),
        ("far apart", np.where(cube > 0, 1e3, -1e3)),
        ("some -inf", np.where(np.arange(24).reshape(2, 3, 4) % 5 == 1, -np.inf, cube)),
        ("empty", np.moveaxis(cube[:0], 0, -1) if axis == 0 else cube[:0]),
    ]
    note = ", ".join([f"axis {axis}", *keywords])
    return [
        Sample(op, (x,), dict(axis=axis, **keywords), torch=torch, note=f"{note} {name}".strip())
        for name, x in given
    ]


SAMPLES: list[Sample] = [
    *rows("sigmoid", lambda x: T().sigmoid(x)),
    *rows("log_sigmoid", lambda x: F().logsigmoid(x)),
    *rows("relu", lambda x: F().relu(x)),
    *rows("leaky_relu", lambda x: F().leaky_relu(x)),
    *rows("leaky_relu", lambda x: F().leaky_relu(x, 1.5), slope=1.5),
    *rows("elu", lambda x: F().elu(x)),
    *rows("elu", lambda x: F().elu(x, 0.5), alpha=0.5),
    *rows("selu", lambda x: F().selu(x)),
    *rows("erf", lambda x: T().erf(x), kinks=False),
    *rows("gelu", lambda x: F().gelu(x), kinks=False),
    *rows("gelu", lambda x: F().gelu(x, approximate="tanh"), kinks=False, approximate="tanh"),
    *rows("silu", lambda x: F().silu(x)),
    *rows("softplus", lambda x: F().softplus(x)),
    *rows("softplus", lambda x: F().softplus(x, 2.0, 10.0), beta=2.0, threshold=10.0),
    *rows("hard_tanh", lambda x: F().hardtanh(x)),
    *rows("hard_tanh", lambda x: F().hardtanh(x, -0.5, 3.0), low=-0.5, high=3.0),
    # PyTorch's gradient, in float64 too, multiplies by 1/6 in float32.
    *rows("hard_sigmoid", lambda x: F().hardsigmoid(x), tolerance=5e-8),
    *rows("relu6", lambda x: F().relu6(x)),
    *[
        Sample("prelu", (x, weight), torch=lambda a, w: F().prelu(a, w), kinks=kinks, note=note)
        for note, x, weight, kinks in [
            ("one weight", X, np.array([0.25]), False),
            ("a weight per channel", IMAGES, np.array([0.25, -0.5, 1.5]), False),
            ("columns", X, np.array([0.25, -0.5, 1.5, 0.0]), False),
            ("one channel", IMAGES[:, :1], np.array([0.25]), False),
            ("vector", X[0], np.array([0.25]), False),
            ("0-d", np.array(-0.7), np.array(0.25), False),
            ("empty", IMAGES[:0], np.array([0.25, -0.5, 1.5]), False),
            ("large", LARGE, np.array([0.25]), False),
            ("kinks", KINKS, np.array([0.25]), True),
        ]
    ],
    *along("softmax", lambda x: T().softmax(x, -1), -1),
    *along("softmax", lambda x: T().softmax(x, 1), 1),
    *along("log_softmax", lambda x: T().log_softmax(x, -1), -1),
    *along("log_softmax", lambda x: T().log_softmax(x, 0), 0),
    *along("logsumexp", lambda x: T().logsumexp(x, -1), -1),
    *along("logsumexp", lambda x: T().logsumexp(x, 1, keepdim=True), 1, keepdims=True),
    *along("logsumexp", lambda x: T().logsumexp(x, (2, 1)), (-1, 1)),
    Sample("softmax", (np.array(0.7),), torch=lambda x: T().softmax(x, -1), note="0-d"),
    Sample("log_softmax", (np.array(0.7),), torch=lambda x: T().log_softmax(x, -1), note="0-d"),
    Sample("logsumexp", (np.array(0.7),), torch=lambda x: T().logsumexp(x, -1), note="0-d"),
    Sample("softmax", (X[:, :1],), torch=lambda x: T().softmax(x, -1), note="of one"),
]
