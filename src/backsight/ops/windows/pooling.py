"""Pooling: unfold, then one number for each window.

Shapes: N batch, C channels, K positions in a window, P windows; windows come as (C, K, N, PH, PW).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...arrays import Array, Shape
from ...errors import ShapeError
from ..indexing import scatter, spread
from ..protocol import op
from .unfolding import Lengths, check_fit, each, fold, unfold

__all__ = [
    "adaptive_avg_pool2d",
    "adaptive_max_pool2d",
    "avg_pool1d",
    "avg_pool2d",
    "max_pool1d",
    "max_pool2d",
]


def check_pool(
    x: Array, axes: int, size: Lengths, stride: Lengths | None, padding: Lengths, dilation: Lengths
) -> None:
    """Raise ShapeError unless windows fit, with at most half of one in the padding."""
    k, p, d = each(size, axes), each(padding, axes), each(dilation, axes)
    check_fit(np.shape(x), k, size if stride is None else stride, padding, dilation)
    reach = tuple(e * (n - 1) + 1 for n, e in zip(k, d, strict=True))
    if any(2 * q > n for n, q in zip(reach, p, strict=True)):
        raise ShapeError(f"padding is {p}, but must be at most half the window {reach}")


@op
def max_pool2d(
    x: Array,
    *,
    size: Lengths,
    stride: Lengths | None = None,
    padding: Lengths = 0,
    dilation: Lengths = 1,
) -> Array:
    """Take the largest number of each window: x (N, C, H, W), result (N, C, PH, PW).

    Windows step by their own size unless a stride is given. Outside the image is −inf. Of equal
    numbers the first, row by row, is the winner and gets the gradient.
    """
    step = size if stride is None else stride
    windows = unfold(x, size=size, stride=step, padding=padding, dilation=dilation, value=-math.inf)
    winner = np.argmax(windows, axis=1)[:, None]
    largest = np.take_along_axis(windows, winner, 1)[:, 0]
    return np.swapaxes(largest, 0, 1)


@max_pool2d.backward
def max_pool2d_backward(
    dout: Array,
    x_shape: Shape,
    winner: Array,
    size: Lengths,
    step: Lengths,
    padding: Lengths,
    dilation: Lengths,
) -> Array:
    dlargest = np.swapaxes(dout, 0, 1)[:, None]
    shape = (winner.shape[0], math.prod(each(size, 2)), *winner.shape[2:])
    dwindows = spread(dlargest, index=winner, axis=1, shape=shape)
    return fold(dwindows, shape=x_shape, size=size, stride=step, padding=padding, dilation=dilation)


@max_pool2d.check
def check_max_pool2d(
    x: Array, size: Lengths, stride: Lengths | None, padding: Lengths, dilation: Lengths
) -> None:
    check_pool(x, 2, size, stride, padding, dilation)


@op
def avg_pool2d(
    x: Array,
    *,
    size: Lengths,
    stride: Lengths | None = None,
    padding: Lengths = 0,
    count_include_pad: bool = True,
) -> Array:
    """Average each window: x (N, C, H, W), result (N, C, PH, PW).

    Windows step by their own size unless a stride is given. The zeros of the padding count unless
    `count_include_pad` is off.
    """
    step = size if stride is None else stride
    windows = unfold(x, size=size, stride=step, padding=padding)
    one_image = (1, 1, *x.shape[2:])
    counts = (
        math.prod(each(size, 2))
        if count_include_pad
        else np.sum(
            unfold(np.ones_like(x, shape=one_image), size=size, stride=step, padding=padding),
            axis=1,
        )
    )
    return np.swapaxes(np.sum(windows, axis=1), 0, 1) / counts


@avg_pool2d.backward
def avg_pool2d_backward(
    dout: Array, x_shape: Shape, counts: Array, size: Lengths, step: Lengths, padding: Lengths
) -> Array:
    dsum = np.swapaxes(dout / counts, 0, 1)
    shape = (dsum.shape[0], math.prod(each(size, 2)), *dsum.shape[1:])
    dwindows = np.broadcast_to(dsum[:, None], shape)
    return fold(dwindows, shape=x_shape, size=size, stride=step, padding=padding)


@avg_pool2d.check
def check_avg_pool2d(x: Array, size: Lengths, stride: Lengths | None, padding: Lengths) -> None:
    check_pool(x, 2, size, stride, padding, 1)


@op
def max_pool1d(
    x: Array,
    *,
    size: Lengths,
    stride: Lengths | None = None,
    padding: Lengths = 0,
    dilation: Lengths = 1,
) -> Array:
    """Take the largest number of each window: x (N, C, L), result (N, C, P). See max_pool2d."""
    step = size if stride is None else stride
    windows = unfold(x, size=size, stride=step, padding=padding, dilation=dilation, value=-math.inf)
    winner = np.argmax(windows, axis=1)[:, None]
    largest = np.take_along_axis(windows, winner, 1)[:, 0]
    return np.swapaxes(largest, 0, 1)


@max_pool1d.backward
def max_pool1d_backward(
    dout: Array,
    x_shape: Shape,
    winner: Array,
    size: Lengths,
    step: Lengths,
    padding: Lengths,
    dilation: Lengths,
) -> Array:
    dlargest = np.swapaxes(dout, 0, 1)[:, None]
    shape = (winner.shape[0], math.prod(each(size, 1)), *winner.shape[2:])
    dwindows = spread(dlargest, index=winner, axis=1, shape=shape)
    return fold(dwindows, shape=x_shape, size=size, stride=step, padding=padding, dilation=dilation)


@max_pool1d.check
def check_max_pool1d(
    x: Array, size: Lengths, stride: Lengths | None, padding: Lengths, dilation: Lengths
) -> None:
    check_pool(x, 1, size, stride, padding, dilation)


@op
def avg_pool1d(
    x: Array,
    *,
    size: Lengths,
    stride: Lengths | None = None,
    padding: Lengths = 0,
    count_include_pad: bool = True,
) -> Array:
    """Average each window: x (N, C, L), result (N, C, P). See avg_pool2d."""
    step = size if stride is None else stride
    windows = unfold(x, size=size, stride=step, padding=padding)
    one_image = (1, 1, *x.shape[2:])
    counts = (
        math.prod(each(size, 1))
        if count_include_pad
        else np.sum(
            unfold(np.ones_like(x, shape=one_image), size=size, stride=step, padding=padding),
            axis=1,
        )
    )
    return np.swapaxes(np.sum(windows, axis=1), 0, 1) / counts


@avg_pool1d.backward
def avg_pool1d_backward(
    dout: Array, x_shape: Shape, counts: Array, size: Lengths, step: Lengths, padding: Lengths
) -> Array:
    dsum = np.swapaxes(dout / counts, 0, 1)
    shape = (dsum.shape[0], math.prod(each(size, 1)), *dsum.shape[1:])
    dwindows = np.broadcast_to(dsum[:, None], shape)
    return fold(dwindows, shape=x_shape, size=size, stride=step, padding=padding)


@avg_pool1d.check
def check_avg_pool1d(x: Array, size: Lengths, stride: Lengths | None, padding: Lengths) -> None:
    check_pool(x, 1, size, stride, padding, 1)


def even_windows(lengths: Shape, size: Any) -> tuple[Any, ...]:
    """Return the index that cuts (N, C, H+1, W+1) into even windows (N, C, OH, OW, KH, KW).

    Window i of n reads ⌊iL/n⌋ to ⌈(i + 1)L/n⌉. Sizes may differ by one; short windows read the
    place after the last, which is padding.

    >>> even_windows((3, 2), (2, 1))[2:]
    ([[[[0], [1]]], [[[1], [2]]]], [[[[0, 1]]]])
    """
    rows, columns = (members(n, k) for n, k in zip(lengths, wanted(lengths, size), strict=True))
    tall = [[[[place] for place in row]] for row in rows]
    wide = [[[column] for column in columns]]
    return slice(None), slice(None), tall, wide


def members(length: int, count: int) -> list[list[int]]:
    """Return the places that each of `count` even windows reads.

    >>> members(5, 3)
    [[0, 1, 5], [1, 2, 3], [3, 4, 5]]
    """
    windows = [
        list(range(i * length // count, -(-(i + 1) * length // count))) for i in range(count)
    ]
    longest = max(len(window) for window in windows)
    return [window + [length] * (longest - len(window)) for window in windows]


def wanted(lengths: Shape, size: Any) -> Shape:
    """Return the lengths of an adaptive pooling's result; None keeps one.

    >>> wanted((7, 9), (3, None)), wanted((7, 9), 1)
    ((3, 9), (1, 1))
    """
    sizes = size if isinstance(size, tuple | list) else (size,) * len(lengths)
    return tuple(n if k is None else k for k, n in zip(sizes, lengths, strict=True))


EDGE = ((0, 0), (0, 0), (0, 1), (0, 1))


def blocks(shape: Shape, size: Any) -> Shape | None:
    """Return the shape (N, C, OH, KH, OW, KW) of windows that tile, None where they overlap.

    >>> blocks((8, 3, 6, 4), (2, 1)), blocks((8, 3, 5, 4), 2)
    ((8, 3, 2, 3, 1, 4), None)
    """
    n, c, h, w = shape
    oh, ow = wanted((h, w), size)
    return None if h % oh or w % ow else (n, c, oh, h // oh, ow, w // ow)


@op
def adaptive_avg_pool2d(x: Array, *, size: Any) -> Array:
    """Average even windows, as many as asked for: x (N, C, H, W), result (N, C, *size).

    `size` is an int or a pair, in which None keeps a length. Windows overlap where it does not
    divide the length.
    """
    shape = blocks(x.shape, size)
    if shape is not None:
        return np.mean(np.reshape(x, shape), axis=(3, 5))
    index = even_windows(x.shape[2:], size)
    one_image = np.pad(np.ones_like(x, shape=(1, 1, *x.shape[2:])), EDGE)
    counts = np.sum(one_image[index], axis=(4, 5))
    return np.sum(np.pad(x, EDGE)[index], axis=(4, 5)) / counts


@adaptive_avg_pool2d.backward
def adaptive_avg_pool2d_backward(dout: Array, x_shape: Shape, size: Any) -> Array:
    n, c, h, w = x_shape
    shape = blocks(x_shape, size)
    if shape is not None:
        dpixel = dout[:, :, :, None, :, None] / (shape[3] * shape[5])
        return np.reshape(np.broadcast_to(dpixel, shape), x_shape)
    index = even_windows((h, w), size)
    one_image = np.pad(np.ones_like(dout, shape=(1, 1, h, w)), EDGE)
    counts = np.sum(one_image[index], axis=(4, 5), keepdims=True)
    cut = (n, c, *one_image[index].shape[2:])
    dwindows = np.broadcast_to(dout[..., None, None] / counts, cut)
    return scatter(dwindows, index=index, shape=(n, c, h + 1, w + 1))[:, :, :-1, :-1]


@op
def adaptive_max_pool2d(x: Array, *, size: Any) -> Array:
    """Take the largest of even windows, the first if equal. See adaptive_avg_pool2d."""
    index = even_windows(x.shape[2:], size)
    windows = np.pad(x, EDGE, constant_values=-math.inf)[index]
    cut = windows.shape
    flat = np.reshape(windows, (*cut[:4], cut[4] * cut[5]))
    winner = np.argmax(flat, axis=4)[..., None]
    return np.take_along_axis(flat, winner, 4)[..., 0]


@adaptive_max_pool2d.backward
def adaptive_max_pool2d_backward(
    dout: Array, x_shape: Shape, winner: Array, index: Any, cut: Shape
) -> Array:
    shape = (*cut[:4], cut[4] * cut[5])
    dwindows = np.reshape(spread(dout[..., None], index=winner, axis=4, shape=shape), cut)
    n, c, h, w = x_shape
    return scatter(dwindows, index=index, shape=(n, c, h + 1, w + 1))[:, :, :-1, :-1]


@adaptive_avg_pool2d.check
@adaptive_max_pool2d.check
def check_adaptive(x: Array, size: Any) -> None:
    if np.ndim(x) != 4:
        hint = "; x[None] adds the batch axis" if np.ndim(x) == 3 else ""
        raise ShapeError(f"x {np.shape(x)} must be (N, C, H, W){hint}")
    if isinstance(size, tuple | list) and len(size) != 2:
        raise ShapeError(f"size {size} holds {len(size)} numbers, but there are 2 spatial axes")
    if min(wanted(x.shape[2:], size)) < 1 or min(x.shape[2:]) < 1:
        raise ShapeError(f"size is {size} for x {x.shape}; both must be 1 or more")
