"""Windows, convolution and pooling: what the sample table cannot show."""

from __future__ import annotations

import doctest
from typing import Any

import numpy as np
import pytest

from backsight.engine.tape import gradients
from backsight.engine.tensors import tensor
from backsight.errors import ShapeError
from backsight.ops import convolution, pooling, windows
from backsight.ops.windows.convolution import conv1d, conv2d, conv_transpose1d, conv_transpose2d
from backsight.ops.windows.pooling import (
    adaptive_avg_pool2d,
    adaptive_max_pool2d,
    avg_pool2d,
    max_pool1d,
    max_pool2d,
)

from .sample import normal

GEOMETRIES = [
    {},
    dict(stride=2),
    dict(padding=1),
    dict(dilation=2),
    dict(stride=(2, 3), padding=(2, 1), dilation=(1, 2)),
]


@pytest.mark.parametrize("module", [windows, convolution, pooling])
def test_examples_in_docstrings(module: Any) -> None:
    assert doctest.testmod(module).failed == 0


def test_convolution_by_hand() -> None:
    """Dumoulin & Visin, A guide to convolution arithmetic for deep learning (2016), figure 1.1."""
    image = [[3, 3, 2, 1, 0], [0, 0, 1, 3, 1], [3, 1, 2, 2, 3], [2, 0, 0, 2, 2], [2, 0, 0, 0, 1]]
    kernel = [[0, 1, 2], [2, 2, 0], [0, 1, 2]]
    out = conv2d(np.array(image, float)[None, None], np.array(kernel, float)[None, None])
    assert out[0, 0].tolist() == [[12, 12, 17], [10, 17, 19], [9, 6, 14]]


def test_average_and_maximum_by_hand() -> None:
    """The same guide, figures 1.5 and 1.6, on the image of figure 1.1."""
    image = [[3, 3, 2, 1, 0], [0, 0, 1, 3, 1], [3, 1, 2, 2, 3], [2, 0, 0, 2, 2], [2, 0, 0, 0, 1]]
    x = np.array(image, float)[None, None]
    means = avg_pool2d(x, size=3, stride=1)[0, 0]
    assert np.round(means, 1).tolist() == [[1.7, 1.7, 1.7], [1.0, 1.2, 1.8], [1.1, 0.8, 1.3]]
    assert max_pool2d(x, size=3, stride=1)[0, 0].tolist() == [[3, 3, 3], [3, 3, 3], [3, 2, 3]]


@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
def test_transposed_convolution_is_the_transpose(geometry: dict[str, Any]) -> None:
    """⟨conv(x), y⟩ = ⟨x, convᵀ(y)⟩ where the lengths lead back."""
    w, y = normal(3, 4, 3, 2), normal(2, 3, 3, 4)
    back = conv_transpose2d(y, w, **geometry)
    x = normal(*back.shape, seed=1)
    np.testing.assert_allclose(np.sum(conv2d(x, w, **geometry) * y), np.sum(x * back))


@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
def test_fold_is_the_transpose_of_unfold(geometry: dict[str, Any]) -> None:
    x = normal(2, 3, 7, 8)
    columns = windows.unfold(x, size=(3, 2), **geometry)
    y = normal(*columns.shape, seed=1)
    back = windows.fold(y, shape=x.shape, size=(3, 2), **geometry)
    np.testing.assert_allclose(np.sum(columns * y), np.sum(x * back))


def test_one_dimension_is_two_with_an_axis_of_one() -> None:
    x, w, b = normal(2, 4, 9), normal(6, 2, 3), normal(6)
    np.testing.assert_allclose(
        conv1d(x, w, b, stride=2, padding=1, groups=2),
        conv2d(x[:, :, None], w[:, :, None], b, stride=(1, 2), padding=(0, 1), groups=2)[:, :, 0],
    )


def test_three_spatial_axes_unfold_too() -> None:
    columns = windows.unfold(normal(2, 3, 4, 5, 6), size=2)
    assert columns.shape == (3, 8, 2, 3, 4, 5)


def test_the_first_of_equals_wins() -> None:
    x = tensor(np.ones((1, 1, 4, 4)))
    for pool in (max_pool2d, adaptive_max_pool2d):
        (dx,) = gradients([pool(x, size=2)], [x], [np.ones((1, 1, 2, 2))])
        assert dx[0, 0].tolist() == [[1, 0, 1, 0], [0, 0, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0]]


def test_maximum_passes_nan_on() -> None:
    x = tensor([[[[1.0, np.nan], [5.0, 2.0]]]])
    out = max_pool2d(x, size=2)
    (dx,) = gradients([out], [x], [np.ones((1, 1, 1, 1))])
    assert np.isnan(out.value).all()
    assert dx[0, 0].tolist() == [[0, 1], [0, 0]]


def test_padding_never_wins() -> None:
    x = np.full((1, 1, 2, 2), -1e3)
    assert (max_pool2d(x, size=3, stride=1, padding=1) == -1e3).all()


def test_an_infinite_pixel_stays_in_its_windows() -> None:
    x = np.zeros((1, 1, 5, 5))
    x[0, 0, 0, 0] = np.inf
    assert np.isfinite(adaptive_avg_pool2d(x, size=3)).sum() == 8
    assert np.isfinite(avg_pool2d(x, size=2)).sum() == 3


def test_float16_of_large_numbers() -> None:
    x = np.full((1, 1, 4, 4), 1e3, np.float16)
    assert avg_pool2d(x, size=2).dtype == np.float16
    assert (avg_pool2d(x, size=2) == 1e3).all()
    assert (max_pool2d(x, size=3, padding=1) == 1e3).all()


IMAGE, LINE = tensor(np.ones((2, 4, 5, 6))), tensor(np.ones((2, 4, 7)))


def ones(*shape: int) -> Any:
    return np.ones(shape)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: conv2d(IMAGE, ones(3, 5, 2, 2)), "x has 4 channels, but w (3, 5, 2, 2) takes 5"),
        (
            lambda: conv2d(IMAGE, ones(3, 4, 2, 2), groups=2),
            "x has 4 channels, but w (3, 4, 2, 2) in 2 groups takes 8",
        ),
        (
            lambda: conv2d(IMAGE, ones(3, 2, 2, 2), groups=2),
            "3 channels of w (3, 2, 2, 2) do not divide into 2 groups",
        ),
        (
            lambda: conv2d(IMAGE[0], ones(3, 4, 2, 2)),
            "x (4, 5, 6) must be (N, C, H, W); x[None] adds the batch axis",
        ),
        (lambda: conv2d(IMAGE, ones(3, 4, 2)), "w (3, 4, 2) must be (M, C/groups, KH, KW)"),
        (
            lambda: conv2d(IMAGE, ones(3, 4, 2, 2), ones(4)),
            "b (4,) must be (3,), one number per channel made",
        ),
        (
            lambda: conv2d(IMAGE, ones(3, 4, 3, 9), padding=1),
            "windows of (3, 9) do not fit into x (2, 4, 5, 6), padded to (7, 8)",
        ),
        (
            lambda: conv2d(IMAGE, ones(3, 4, 2, 2), stride=0),
            "stride is (0, 0), but must be 1 or more",
        ),
        (
            lambda: conv2d(IMAGE, ones(3, 4, 2, 2), padding=-1),
            "padding is (-1, -1), but must be 0 or more",
        ),
        (
            lambda: conv2d(IMAGE, ones(3, 4, 2, 2), dilation=(1, 2, 3)),
            "(1, 2, 3) holds 3 numbers, but there are 2 spatial axes",
        ),
        (lambda: conv1d(IMAGE, ones(3, 4, 2)), "x (2, 4, 5, 6) must be (N, C, L)"),
        (
            lambda: conv_transpose2d(IMAGE, ones(3, 2, 2, 2)),
            "x has 4 channels, but w (3, 2, 2, 2) takes 3",
        ),
        (
            lambda: conv_transpose2d(IMAGE, ones(4, 2, 2, 2), ones(2), groups=2),
            "b (2,) must be (4,), one number per channel made",
        ),
        (
            lambda: conv_transpose1d(LINE, ones(4, 2, 2), output_padding=1),
            "output_padding is (1,), but must be 0 or more and below the stride (1,)",
        ),
        (
            lambda: conv_transpose1d(LINE, ones(4, 2, 2), padding=4),
            "padding 4 leaves nothing: the result would be (2, 2, 0)",
        ),
        (
            lambda: max_pool2d(IMAGE, size=2, padding=2),
            "padding is (2, 2), but must be at most half the window (2, 2)",
        ),
        (lambda: max_pool1d(IMAGE, size=2), "x (2, 4, 5, 6) must be (N, C, L)"),
        (
            lambda: max_pool2d(LINE, size=2),
            "x (2, 4, 7) must be (N, C, H, W); x[None] adds the batch axis",
        ),
        (
            lambda: avg_pool2d(IMAGE, size=6),
            "windows of (6, 6) do not fit into x (2, 4, 5, 6), padded to (5, 6)",
        ),
        (
            lambda: adaptive_avg_pool2d(IMAGE, size=(1, 2, 3)),
            "size (1, 2, 3) holds 3 numbers, but there are 2 spatial axes",
        ),
        (
            lambda: adaptive_avg_pool2d(IMAGE, size=0),
            "size is 0 for x (2, 4, 5, 6); both must be 1 or more",
        ),
        (
            lambda: adaptive_max_pool2d(LINE, size=1),
            "x (2, 4, 7) must be (N, C, H, W); x[None] adds the batch axis",
        ),
        (
            lambda: windows.unfold(IMAGE, size=(9, 1)),
            "windows of (9, 1) do not fit into x (2, 4, 5, 6), padded to (5, 6)",
        ),
    ],
)
def test_what_does_not_fit_is_refused(call: Any, text: str) -> None:
    with pytest.raises(ShapeError) as caught:
        call()
    assert text in str(caught.value)
