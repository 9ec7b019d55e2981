"""Convolution and pooling layers against PyTorch's modules of the same name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from backsight import nn
from backsight.errors import UsageError

from .against_torch import compare


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


CONVOLUTIONS: list[tuple[str, dict[str, Any]]] = [
    ("Conv2d", {}),
    ("Conv2d", {"stride": 2, "padding": 1}),
    ("Conv2d", {"stride": (2, 1), "padding": (0, 2), "dilation": (1, 2)}),
    ("Conv2d", {"groups": 2, "bias": False}),
    ("Conv1d", {}),
    ("Conv1d", {"stride": 2, "padding": 3, "dilation": 2, "groups": 2}),
    ("ConvTranspose2d", {}),
    ("ConvTranspose2d", {"stride": 2, "padding": 1, "output_padding": 1}),
    ("ConvTranspose2d", {"groups": 2, "dilation": 2, "bias": False}),
    ("ConvTranspose1d", {"stride": 3, "output_padding": 2}),
]


@pytest.mark.torch
@pytest.mark.parametrize(("name", "options"), CONVOLUTIONS, ids=str)
def test_convolution_agrees_with_pytorch(name: str, options: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch")
    size = (3, 2) if name.endswith("2d") else 3
    ours = getattr(nn, name)(4, 6, size, rng(), dtype=np.float64, **options)
    theirs = getattr(torch.nn, name)(4, 6, size, dtype=torch.float64, **options)
    shape = (2, 4, 9, 8) if name.endswith("2d") else (2, 4, 12)
    pairs = [(ours.w, theirs.weight, False)]
    if ours.b is not None:
        pairs.append((ours.b, theirs.bias, False))
    compare(ours, theirs, pairs, [rng().standard_normal(shape)], rng=rng())


@pytest.mark.torch
@pytest.mark.parametrize(
    ("name", "given", "shape"),
    [
        ("MaxPool2d", (2,), (2, 3, 6, 8)),
        ("MaxPool2d", (3, 2, 1), (2, 3, 7, 8)),
        ("MaxPool1d", (3, 2), (2, 3, 9)),
        ("AvgPool2d", (2,), (2, 3, 6, 8)),
        ("AvgPool2d", (3, 1, 1), (2, 3, 6, 8)),
        ("AvgPool1d", (4, 2), (2, 3, 10)),
        ("AdaptiveAvgPool2d", ((2, 3),), (2, 3, 7, 8)),
        ("AdaptiveMaxPool2d", ((3, 3),), (2, 3, 7, 8)),
    ],
    ids=str,
)
def test_pooling_agrees_with_pytorch(name: str, given: Any, shape: Any) -> None:
    torch = pytest.importorskip("torch")
    x = rng().standard_normal(shape)
    compare(getattr(nn, name)(*given), getattr(torch.nn, name)(*given), [], [x], rng=rng())


def test_he_start_keeps_the_scale_of_a_convolution() -> None:
    layer = nn.Conv2d(16, 32, 3, rng(), padding=1)
    x = np.maximum(rng().standard_normal((8, 16, 10, 10)), 0).astype(np.float32)
    out = layer(x).value[:, :, 1:-1, 1:-1]
    assert np.mean(np.square(out)) == pytest.approx(2 * np.mean(np.square(x)), rel=0.1)


def test_groups_must_divide_the_channels() -> None:
    with pytest.raises(UsageError, match="4 channels in and 6 out do not divide into 3 groups"):
        nn.Conv2d(4, 6, 3, rng(), groups=3)


def test_flatten() -> None:
    assert nn.Flatten()(np.zeros((5, 2, 3, 4))).shape == (5, 24)
