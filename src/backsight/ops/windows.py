"""Sliding windows: unfold ↔ fold, and pooling, which reduces each window to one number.

`unfold` cuts windows out of an image, `fold` adds them back to where they were cut. Convolutions are
built on the same pair (convolution.py). Shapes: N batch, C channels, K positions in a window, P windows.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from ..arrays import Array, Shape
from ..errors import ShapeError
from .indexing import scatter, spread
from .protocol import op

Lengths = int | tuple[int, ...]


def each(value: Lengths, count: int) -> Shape:
    """Return one number per spatial axis: an int stands for all of them.

    >>> each(3, 2), each((1, 2), 2)
    ((3, 3), (1, 2))
    """
    values = (value,) * count if np.ndim(value) == 0 else tuple(value)  # type: ignore[arg-type]
    if len(values) != count:
        raise ShapeError(f"{value} holds {len(values)} numbers, but there are {count} spatial axes")
    return values  # type: ignore[return-value]


def places(lengths: Shape, size: Shape, stride: Shape, padding: Shape, dilation: Shape) -> Shape:
    """Return how many windows fit along each axis: ⌊(L + 2p − d(k − 1) − 1) / s⌋ + 1.

    >>> places((7, 8), (3, 3), (2, 2), (1, 1), (1, 1))
    (4, 4)
    """
    return tuple(
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, k, s, p, d in zip(lengths, size, stride, padding, dilation, strict=True)
    )


def shifts(counts: Shape, size: Shape, stride: Shape, dilation: Shape) -> list[tuple[Any, ...]]:
    """Return for each position in a window the index that reads it from all windows at once.

    >>> shifts((4,), (2,), (1,), (3,))[1]
    (slice(None, None, None), slice(None, None, None), slice(3, 7, 1))
    """
    return [
        (
            slice(None),
            slice(None),
            *(
                slice(i * d, i * d + s * (n - 1) + 1, s)
                for i, n, s, d in zip(position, counts, stride, dilation, strict=True)
            ),
        )
        for position in itertools.product(*(range(k) for k in size))
    ]


def border(padding: Shape) -> tuple[tuple[int, int], ...]:
    """Return np.pad's width for padding the spatial axes of (N, C, …)."""
    return ((0, 0), (0, 0), *((p, p) for p in padding))


def check_fit(
    shape: Shape, size: Shape, stride: Lengths, padding: Lengths, dilation: Lengths
) -> None:
    """Raise ShapeError unless windows fit into x (N, C, …) of that shape."""
    count = len(size)
    if len(shape) != count + 2:
        hint = "; x[None] adds the batch axis" if len(shape) == count + 1 else ""
        raise ShapeError(f"x {shape} must be (N, C, {', '.join('HW'[2 - count :])}){hint}")
    s, p, d = each(stride, count), each(padding, count), each(dilation, count)
    for name, numbers in (("size", size), ("stride", s), ("dilation", d)):
        if min(numbers) < 1:
            raise ShapeError(f"{name} is {numbers}, but must be 1 or more")
    if min(p) < 0:
        raise ShapeError(f"padding is {p}, but must be 0 or more")
    if min(places(shape[2:], size, s, p, d)) < 1:
        reach = tuple(e * (k - 1) + 1 for k, e in zip(size, d, strict=True))
        padded = tuple(n + 2 * q for n, q in zip(shape[2:], p, strict=True))
        raise ShapeError(f"windows of {reach} do not fit into x {shape}, padded to {padded}")


@op
def unfold(
    x: Array,
    *,
    size: Lengths,
    stride: Lengths = 1,
    padding: Lengths = 0,
    dilation: Lengths = 1,
    value: float = 0.0,
) -> Array:
    """Cut windows out of x (N, C, H, W): (C, K, N, PH, PW), with K = KH·KW positions, row by row.

    Works for any number of spatial axes. Outside the image is `value`. Channels and positions come
    first, so that a reshape makes the columns of one matrix product for the whole batch.
    """
    axes = x.ndim - 2
    around = border(each(padding, axes))
    padded = np.pad(x, around, constant_values=value) if any(each(padding, axes)) else x
    k, s, d = each(size, axes), each(stride, axes), each(dilation, axes)
    counts = places(padded.shape[2:], k, s, each(0, axes), d)
    channels_first = np.swapaxes(padded, 0, 1)
    return np.stack([channels_first[index] for index in shifts(counts, k, s, d)], axis=1)


@unfold.check
def check_unfold(
    x: Array, size: Lengths, stride: Lengths, padding: Lengths, dilation: Lengths
) -> None:
    check_fit(np.shape(x), each(size, np.ndim(x) - 2), stride, padding, dilation)


@unfold.backward
def unfold_backward(
    dout: Array, x_shape: Shape, size: Lengths, stride: Lengths, padding: Lengths, dilation: Lengths
) -> Array:
    return fold(dout, shape=x_shape, size=size, stride=stride, padding=padding, dilation=dilation)


@op
def fold(
    x: Array,
    *,
    shape: Shape,
    size: Lengths,
    stride: Lengths = 1,
    padding: Lengths = 0,
    dilation: Lengths = 1,
) -> Array:
    """Add windows x (C, K, N, PH, PW) into zeros of a shape (N, C, H, W). What unfold does, backward."""
    n, c, *lengths = shape
    axes = len(lengths)
    k, s, p, d = (each(value, axes) for value in (size, stride, padding, dilation))
    padded = [length + 2 * q for length, q in zip(lengths, p, strict=True)]
    total = np.zeros_like(x, shape=(c, n, *padded), order="C")
    for i, index in enumerate(shifts(x.shape[3:], k, s, d)):
        total[index] += x[:, i]
    inside = [slice(q, q + length) for q, length in zip(p, lengths, strict=True)]
    return np.swapaxes(total, 0, 1)[(slice(None), slice(None), *inside)]


@fold.backward
def fold_backward(
    dout: Array, size: Lengths, stride: Lengths, padding: Lengths, dilation: Lengths
) -> Array:
    return unfold(dout, size=size, stride=stride, padding=padding, dilation=dilation)


def check_pool(
    x: Array, axes: int, size: Lengths, stride: Lengths | None, padding: Lengths, dilation: Lengths
) -> None:
    """Raise ShapeError unless windows fit, and none can lie in the padding altogether."""
    k, p = each(size, axes), each(padding, axes)
    check_fit(np.shape(x), k, size if stride is None else stride, padding, dilation)
    if any(2 * q > n for n, q in zip(k, p, strict=True)):
        raise ShapeError(f"padding is {p}, but must be at most half the window {k}")


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

    Windows step by their own size unless a stride is given. Outside the image is −inf. Where numbers
    tie, the first one, row by row, is the winner and gets the gradient.
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
    ones = np.ones_like(x, shape=(1, 1, *x.shape[2:]))
    counts = (
        math.prod(each(size, 2))
        if count_include_pad
        else np.sum(unfold(ones, size=size, stride=step, padding=padding), axis=1)
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
    ones = np.ones_like(x, shape=(1, 1, *x.shape[2:]))
    counts = (
        math.prod(each(size, 1))
        if count_include_pad
        else np.sum(unfold(ones, size=size, stride=step, padding=padding), axis=1)
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
    """Return the index that cuts (N, C, H + 1, W + 1) into even windows (N, C, OH, OW, KH, KW).

    Window i of n reads ⌊iL/n⌋ to ⌈(i + 1)L/n⌉. Sizes may differ by one; short windows read the place
    after the last, which is padding.

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


@op
def adaptive_avg_pool2d(x: Array, *, size: Any) -> Array:
    """Average even windows, as many as asked for: x (N, C, H, W), result (N, C, *size).

    `size` is an int or a pair, in which None keeps a length. Windows overlap where it does not divide
    the length.
    """
    index = even_windows(x.shape[2:], size)
    windows = np.pad(x, EDGE)[index]
    ones = np.pad(np.ones_like(x, shape=(1, 1, *x.shape[2:])), EDGE)
    counts = np.sum(ones[index], axis=(4, 5))
    return np.sum(windows, axis=(4, 5)) / counts


@adaptive_avg_pool2d.backward
def adaptive_avg_pool2d_backward(
    dout: Array, x_shape: Shape, windows: Array, counts: Array, index: Any
) -> Array:
    dwindows = np.broadcast_to((dout / counts)[..., None, None], windows.shape)
    n, c, h, w = x_shape
    return scatter(dwindows, index=index, shape=(n, c, h + 1, w + 1))[:, :, :-1, :-1]


@op
def adaptive_max_pool2d(x: Array, *, size: Any) -> Array:
    """Take the largest number of even windows; see adaptive_avg_pool2d. The first of equals wins."""
    index = even_windows(x.shape[2:], size)
    windows = np.pad(x, EDGE, constant_values=-math.inf)[index]
    flat = np.reshape(windows, (*windows.shape[:4], math.prod(windows.shape[4:])))
    winner = np.argmax(flat, axis=4)[..., None]
    return np.take_along_axis(flat, winner, 4)[..., 0]


@adaptive_max_pool2d.backward
def adaptive_max_pool2d_backward(
    dout: Array, x_shape: Shape, windows: Array, flat: Array, winner: Array, index: Any
) -> Array:
    dflat = spread(dout[..., None], index=winner, axis=4, shape=flat.shape)
    dwindows = np.reshape(dflat, windows.shape)
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
