"""Convolutions: unfold and one matrix product; transposed ones: the product and fold.

Shapes: N batch, C channels in, M channels out, G groups, K positions in a window, P windows. The
whole batch is one product; matrices are (G, rows, columns), so that each group is one, too.
"""

from __future__ import annotations

import math

import numpy as np

from ...arrays import Array, Shape
from ...errors import ShapeError
from ..protocol import op
from .unfolding import Lengths, check_fit, each, fold, unfold

__all__ = ["conv1d", "conv2d", "conv_transpose1d", "conv_transpose2d"]


def matrices(shape: Shape, groups: int, leading: int = 1) -> Shape:
    """Return a shape (G, rows, columns): the first `leading` axes make rows, the others columns.

    >>> matrices((6, 9, 2, 5, 5), 3, 2)
    (3, 18, 50)
    """
    return groups, math.prod(shape[:leading]) // groups, math.prod(shape[leading:])


def check_kernel(x: Array, w: Array, b: Array | None, groups: int, layout: str) -> None:
    """Raise ShapeError unless x, w and b agree on axes and channels; `layout` is that of w."""
    axes = layout.count("K")
    if np.ndim(w) != axes + 2:
        raise ShapeError(f"w {np.shape(w)} must be ({layout})")
    if np.ndim(x) != axes + 2:
        hint = "; x[None] adds the batch axis" if np.ndim(x) == axes + 1 else ""
        raise ShapeError(f"x {np.shape(x)} must be (N, C, {'L' if axes == 1 else 'H, W'}){hint}")
    transposed = layout.startswith("C")
    taken, made = w.shape[:2] if transposed else w.shape[1::-1]
    taken, made = (taken, made * groups) if transposed else (taken * groups, made)
    in_groups = f" in {groups} groups" if groups != 1 else ""
    if x.shape[1] != taken:
        raise ShapeError(f"x has {x.shape[1]} channels, but w {w.shape}{in_groups} takes {taken}")
    if w.shape[0] % groups:
        raise ShapeError(f"{w.shape[0]} channels of w {w.shape} do not divide into {groups} groups")
    if b is not None and np.shape(b) != (made,):
        raise ShapeError(f"b {np.shape(b)} must be ({made},), one number per channel made")


@op
def conv2d(
    x: Array,
    w: Array,
    b: Array | None = None,
    *,
    stride: Lengths = 1,
    padding: Lengths = 0,
    dilation: Lengths = 1,
    groups: int = 1,
) -> Array:
    """Correlate x (N, C, H, W) with w (M, C/G, KH, KW), plus b (M,); result (N, M, PH, PW).

    As in most deep-learning texts the kernel is not flipped. Lengths are ints or pairs. Channels
    in and out are split into G groups that do not see each other.
    """
    windows = unfold(x, size=w.shape[2:], stride=stride, padding=padding, dilation=dilation)
    columns = np.reshape(windows, matrices(windows.shape, groups, 2))
    rows = np.reshape(w, matrices(w.shape, groups))
    product = np.reshape(rows @ columns, (w.shape[0], *windows.shape[2:]))
    mapped = np.swapaxes(product, 0, 1)
    return mapped if b is None else mapped + b[:, None, None]


@conv2d.backward
def conv2d_backward(
    dout: Array,
    x_shape: Shape,
    w_shape: Shape,
    rows: Array,
    columns: Array,
    stride: Lengths,
    padding: Lengths,
    dilation: Lengths,
    groups: int,
) -> tuple[Array, Array, Array]:
    dmapped = np.swapaxes(dout, 0, 1)
    dproduct = np.reshape(dmapped, matrices(dmapped.shape, groups))
    dcolumns = np.swapaxes(rows, 1, 2) @ dproduct
    dwindows = np.reshape(dcolumns, (x_shape[1], math.prod(w_shape[2:]), *dmapped.shape[1:]))
    dx = fold(
        dwindows,
        shape=x_shape,
        size=w_shape[2:],
        stride=stride,
        padding=padding,
        dilation=dilation,
    )
    dw = np.reshape(dproduct @ np.swapaxes(columns, 1, 2), w_shape)
    db = np.sum(dout, axis=(0, 2, 3))
    return dx, dw, db


@conv2d.check
def check_conv2d(
    x: Array,
    w: Array,
    b: Array | None,
    stride: Lengths,
    padding: Lengths,
    dilation: Lengths,
    groups: int,
) -> None:
    check_kernel(x, w, b, groups, "M, C/groups, KH, KW")
    check_fit(x.shape, w.shape[2:], stride, padding, dilation)


@op
def conv1d(
    x: Array,
    w: Array,
    b: Array | None = None,
    *,
    stride: Lengths = 1,
    padding: Lengths = 0,
    dilation: Lengths = 1,
    groups: int = 1,
) -> Array:
    """Correlate x (N, C, L) with w (M, C/G, K), plus b (M,); result (N, M, P). See conv2d."""
    windows = unfold(x, size=w.shape[2:], stride=stride, padding=padding, dilation=dilation)
    columns = np.reshape(windows, matrices(windows.shape, groups, 2))
    rows = np.reshape(w, matrices(w.shape, groups))
    product = np.reshape(rows @ columns, (w.shape[0], *windows.shape[2:]))
    mapped = np.swapaxes(product, 0, 1)
    return mapped if b is None else mapped + b[:, None]


@conv1d.backward
def conv1d_backward(
    dout: Array,
    x_shape: Shape,
    w_shape: Shape,
    rows: Array,
    columns: Array,
    stride: Lengths,
    padding: Lengths,
    dilation: Lengths,
    groups: int,
) -> tuple[Array, Array, Array]:
    dmapped = np.swapaxes(dout, 0, 1)
    dproduct = np.reshape(dmapped, matrices(dmapped.shape, groups))
    dcolumns = np.swapaxes(rows, 1, 2) @ dproduct
    dwindows = np.reshape(dcolumns, (x_shape[1], math.prod(w_shape[2:]), *dmapped.shape[1:]))
    dx = fold(
        dwindows,
        shape=x_shape,
        size=w_shape[2:],
        stride=stride,
        padding=padding,
        dilation=dilation,
    )
    dw = np.reshape(dproduct @ np.swapaxes(columns, 1, 2), w_shape)
    db = np.sum(dout, axis=(0, 2))
    return dx, dw, db


@conv1d.check
def check_conv1d(
    x: Array,
    w: Array,
    b: Array | None,
    stride: Lengths,
    padding: Lengths,
    dilation: Lengths,
    groups: int,
) -> None:
    check_kernel(x, w, b, groups, "M, C/groups, K")
    check_fit(x.shape, w.shape[2:], stride, padding, dilation)


def widened(
    shape: Shape,
    kernel: Shape,
    stride: Lengths,
    padding: Lengths,
    output_padding: Lengths,
    dilation: Lengths,
    groups: int,
) -> Shape:
    """Return the shape of a transposed convolution of x with w.

    >>> widened((1, 4, 5), (4, 6, 3), 2, 1, 1, 1, 1)
    (1, 6, 10)
    """
    axes = len(shape) - 2
    s, p, d = each(stride, axes), each(padding, axes), each(dilation, axes)
    lengths = (
        (n - 1) * s[i] - 2 * p[i] + d[i] * (kernel[2 + i] - 1) + each(output_padding, axes)[i] + 1
        for i, n in enumerate(shape[2:])
    )
    return shape[0], kernel[1] * groups, *lengths


def check_widened(
    shape: Shape,
    kernel: Shape,
    stride: Lengths,
    padding: Lengths,
    output_padding: Lengths,
    dilation: Lengths,
    groups: int,
) -> None:
    """Raise ShapeError unless a transposed convolution has a result that leads back to x."""
    axes = len(shape) - 2
    extra, s = each(output_padding, axes), each(stride, axes)
    if not all(0 <= e < step for e, step in zip(extra, s, strict=True)):
        raise ShapeError(
            f"output_padding is {extra}, but must be 0 or more and below the stride {s}"
        )
    result = widened(shape, kernel, stride, padding, output_padding, dilation, groups)
    if min(result[2:]) < 1:
        raise ShapeError(f"padding {padding} leaves nothing: the result would be {result}")


@op
def conv_transpose2d(
    x: Array,
    w: Array,
    b: Array | None = None,
    *,
    stride: Lengths = 1,
    padding: Lengths = 0,
    output_padding: Lengths = 0,
    dilation: Lengths = 1,
    groups: int = 1,
) -> Array:
    """Run conv2d's backward as a forward: x (N, C, H, W), w (C, M/G, KH, KW), b (M,).

    The result (N, M, OH, OW) has OH = (H − 1)·s − 2p + d·(KH − 1) + output_padding + 1: the shape
    that a conv2d with these lengths turns into (H, W). Where there are several, `output_padding`,
    less than the stride, tells which.
    """
    rows = np.reshape(w, matrices(w.shape, groups))
    channels_first = np.swapaxes(x, 0, 1)
    pixels = np.reshape(channels_first, matrices(channels_first.shape, groups))
    columns = np.swapaxes(rows, 1, 2) @ pixels
    shape = widened(x.shape, w.shape, stride, padding, output_padding, dilation, groups)
    windows = np.reshape(columns, (shape[1], math.prod(w.shape[2:]), x.shape[0], *x.shape[2:]))
    mapped = fold(
        windows,
        shape=shape,
        size=w.shape[2:],
        stride=stride,
        padding=padding,
        dilation=dilation,
    )
    return mapped if b is None else mapped + b[:, None, None]


@conv_transpose2d.backward
def conv_transpose2d_backward(
    dout: Array,
    x_shape: Shape,
    w_shape: Shape,
    rows: Array,
    pixels: Array,
    stride: Lengths,
    padding: Lengths,
    dilation: Lengths,
    groups: int,
) -> tuple[Array, Array, Array]:
    dwindows = unfold(dout, size=w_shape[2:], stride=stride, padding=padding, dilation=dilation)
    dcolumns = np.reshape(dwindows, matrices(dwindows.shape, groups, 2))
    dpixels = np.reshape(rows @ dcolumns, (x_shape[1], x_shape[0], *x_shape[2:]))
    dx = np.swapaxes(dpixels, 0, 1)
    dw = np.reshape(pixels @ np.swapaxes(dcolumns, 1, 2), w_shape)
    db = np.sum(dout, axis=(0, 2, 3))
    return dx, dw, db


@conv_transpose2d.check
def check_conv_transpose2d(
    x: Array,
    w: Array,
    b: Array | None,
    stride: Lengths,
    padding: Lengths,
    output_padding: Lengths,
    dilation: Lengths,
    groups: int,
) -> None:
    check_kernel(x, w, b, groups, "C, M/groups, KH, KW")
    check_widened(x.shape, w.shape, stride, padding, output_padding, dilation, groups)


@op
def conv_transpose1d(
    x: Array,
    w: Array,
    b: Array | None = None,
    *,
    stride: Lengths = 1,
    padding: Lengths = 0,
    output_padding: Lengths = 0,
    dilation: Lengths = 1,
    groups: int = 1,
) -> Array:
    """Run conv1d's backward as a forward: x (N, C, L), w (C, M/G, K), b (M,). See the 2-D one."""
    rows = np.reshape(w, matrices(w.shape, groups))
    channels_first = np.swapaxes(x, 0, 1)
    pixels = np.reshape(channels_first, matrices(channels_first.shape, groups))
    columns = np.swapaxes(rows, 1, 2) @ pixels
    shape = widened(x.shape, w.shape, stride, padding, output_padding, dilation, groups)
    windows = np.reshape(columns, (shape[1], math.prod(w.shape[2:]), x.shape[0], *x.shape[2:]))
    mapped = fold(
        windows,
        shape=shape,
        size=w.shape[2:],
        stride=stride,
        padding=padding,
        dilation=dilation,
    )
    return mapped if b is None else mapped + b[:, None]


@conv_transpose1d.backward
def conv_transpose1d_backward(
    dout: Array,
    x_shape: Shape,
    w_shape: Shape,
    rows: Array,
    pixels: Array,
    stride: Lengths,
    padding: Lengths,
    dilation: Lengths,
    groups: int,
) -> tuple[Array, Array, Array]:
    dwindows = unfold(dout, size=w_shape[2:], stride=stride, padding=padding, dilation=dilation)
    dcolumns = np.reshape(dwindows, matrices(dwindows.shape, groups, 2))
    dpixels = np.reshape(rows @ dcolumns, (x_shape[1], x_shape[0], *x_shape[2:]))
    dx = np.swapaxes(dpixels, 0, 1)
    dw = np.reshape(pixels @ np.swapaxes(dcolumns, 1, 2), w_shape)
    db = np.sum(dout, axis=(0, 2))
    return dx, dw, db


@conv_transpose1d.check
def check_conv_transpose1d(
    x: Array,
    w: Array,
    b: Array | None,
    stride: Lengths,
    padding: Lengths,
    output_padding: Lengths,
    dilation: Lengths,
    groups: int,
) -> None:
    check_kernel(x, w, b, groups, "C, M/groups, K")
    check_widened(x.shape, w.shape, stride, padding, output_padding, dilation, groups)
