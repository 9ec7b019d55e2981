"""Sliding windows: unfold ↔ fold, what convolution and pooling are built on.

`unfold` cuts windows out of an image, `fold` adds them back to where they were cut; each is the
other's backward. Shapes: N batch, C channels, K positions in a window, P windows.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from ...arrays import Array, Shape
from ...errors import ShapeError
from ..protocol import op

__all__ = ["fold", "unfold"]

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
        raise ShapeError(f"x {shape} must be (N, C, {'L' if count == 1 else 'H, W'}){hint}")
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

    Works for any number of spatial axes. Outside the image is `value`. Channels and positions
    come first, so that a reshape makes the columns of one product for the whole batch.
    """
    axes = x.ndim - 2
    k, s, p, d = each(size, axes), each(stride, axes), each(padding, axes), each(dilation, axes)
    # Swapped first and then padded, memory is in channel order, and so is the stack.
    padded = np.pad(np.swapaxes(x, 0, 1), border(p), constant_values=value)
    counts = places(x.shape[2:], k, s, p, d)
    return np.stack([padded[index] for index in shifts(counts, k, s, d)], axis=1)


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
    """Add windows x (C, K, N, PH, PW) into zeros of a shape (N, C, H, W): unfold, backward."""
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
