"""Ops that move, join and repeat elements: no number changes, so gradients only travel back."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..arrays import Array, Shape
from .indexing import scatter
from .protocol import op

__all__ = [
    "broadcast_to",
    "concatenate",
    "expand_dims",
    "flip",
    "moveaxis",
    "pad",
    "repeat",
    "reshape",
    "roll",
    "squeeze",
    "stack",
    "tile",
    "transpose",
]


@op
def reshape(x: Array, *, shape: int | Shape) -> Array:
    """Give the same elements another shape, in C order. One length may be -1: the rest."""
    return np.reshape(x, shape)


@reshape.backward
def reshape_backward(dout: Array, x_shape: Shape) -> Array:
    return np.reshape(dout, x_shape)


def inverse_axes(axes: tuple[int, ...] | None) -> tuple[int, ...] | None:
    """Return the permutation that undoes `axes`.

    >>> inverse_axes((2, 0, 1))
    (1, 2, 0)
    """
    if axes is None:
        return None
    places = [axis % len(axes) for axis in axes]
    return tuple(places.index(i) for i in range(len(places)))


@op
def transpose(x: Array, *, axes: tuple[int, ...] | None = None) -> Array:
    """Permute axes; None reverses them."""
    return np.transpose(x, axes)


@transpose.backward
def transpose_backward(dout: Array, axes: tuple[int, ...] | None) -> Array:
    return np.transpose(dout, inverse_axes(axes))


@op
def moveaxis(x: Array, *, source: int | Shape, destination: int | Shape) -> Array:
    """Move axes to new places; the others keep their order."""
    return np.moveaxis(x, source, destination)


@moveaxis.backward
def moveaxis_backward(dout: Array, source: int | Shape, destination: int | Shape) -> Array:
    return np.moveaxis(dout, destination, source)


@op
def squeeze(x: Array, *, axis: int | Shape | None = None) -> Array:
    """Drop axes of length 1: those given, or all."""
    return np.squeeze(x, axis)


@squeeze.backward
def squeeze_backward(dout: Array, x_shape: Shape) -> Array:
    return np.reshape(dout, x_shape)


@op
def expand_dims(x: Array, *, axis: int | Shape) -> Array:
    """Insert axes of length 1; `axis` says where they stand in the result."""
    return np.expand_dims(x, axis)


@expand_dims.backward
def expand_dims_backward(dout: Array, axis: int | Shape) -> Array:
    return np.squeeze(dout, axis)


def ends(xs: tuple[Array, ...], axis: int) -> list[int]:
    """Return where each piece but the last ends along `axis` of their concatenation."""
    lengths = [x.shape[axis] for x in xs]
    return [sum(lengths[: i + 1]) for i in range(len(lengths) - 1)]


@op
def concatenate(*xs: Array, axis: int = 0) -> Array:
    """Join arrays along an axis that they have."""
    return np.concatenate(xs, axis)


@concatenate.backward
def concatenate_backward(dout: Array, xs: tuple[Array, ...], axis: int) -> tuple[Array, ...]:
    return tuple(np.split(dout, ends(xs, axis), axis))


@op
def stack(*xs: Array, axis: int = 0) -> Array:
    """Join arrays of one shape along a new axis."""
    return np.stack(xs, axis)


@stack.backward
def stack_backward(dout: Array, axis: int) -> tuple[Array, ...]:
    return tuple(np.moveaxis(dout, axis, 0))


def interior(shape: Shape, width: Any) -> tuple[slice, ...]:
    """Return the index of what was there before padding by `width`.

    >>> interior((3, 4), ((1, 2), (0, 0)))
    (slice(1, 4, None), slice(0, 4, None))
    """
    starts = np.broadcast_to(width, (len(shape), 2))[:, 0].tolist()
    return tuple(slice(before, before + n) for before, n in zip(starts, shape, strict=True))


@op
def pad(x: Array, *, width: Any, value: float = 0.0) -> Array:
    """Surround with a constant. `width` as in np.pad: n, (before, after), or a pair per axis."""
    return np.pad(x, width, constant_values=value)


@pad.backward
def pad_backward(dout: Array, x_shape: Shape, width: Any) -> Array:
    return dout[interior(x_shape, width)]


@op
def flip(x: Array, *, axis: int | Shape | None = None) -> Array:
    """Reverse the order along an axis, several, or all."""
    return np.flip(x, axis)


@flip.backward
def flip_backward(dout: Array, axis: int | Shape | None) -> Array:
    return np.flip(dout, axis)


@op
def broadcast_to(x: Array, *, shape: Shape) -> Array:
    """Stretch axes of length 1 and add axes in front, as broadcasting does."""
    return np.broadcast_to(x, shape)


@broadcast_to.backward
def broadcast_to_backward(dout: Array) -> Array:
    return dout  # the walk sums over what was stretched


def copies(count: int, repeats: Any) -> Any:
    """Return for each element of a repetition which of `count` elements it copies.

    >>> copies(3, [2, 0, 1])
    [0, 0, 2]
    """
    if isinstance(repeats, list | tuple):
        each = list(repeats) * count if len(repeats) == 1 else repeats
        return [i for i, n in enumerate(each) for _ in range(n)]
    return np.repeat(np.arange(count, like=repeats), repeats)


@op
def repeat(x: Array, *, repeats: Any, axis: int | None = None) -> Array:
    """Repeat each element: `repeats` times, or by an array of integers one number each.

    Without an axis, x is flattened first.
    """
    return np.repeat(x, repeats, axis)


@repeat.backward
def repeat_backward(dout: Array, x_shape: Shape, repeats: Any, axis: int | None) -> Array:
    shape = (math.prod(x_shape),) if axis is None else x_shape
    place = 0 if axis is None else axis % len(x_shape)
    if np.ndim(repeats) == 0:
        copied = np.reshape(dout, (*shape[: place + 1], repeats, *shape[place + 1 :]))
        return np.reshape(np.sum(copied, axis=place + 1), x_shape)
    index = (*(slice(None),) * place, copies(shape[place], repeats))
    return np.reshape(scatter(dout, index=index, shape=shape), x_shape)


def tiles(shape: Shape, reps: int | Shape) -> Shape:
    """Return the shape of a tiling with the copies of each axis on an axis of their own, before it.

    >>> tiles((3,), (2, 4))
    (2, 1, 4, 3)
    """
    times = (reps,) if isinstance(reps, int) else tuple(reps)
    ndim = max(len(times), len(shape))
    times = (1,) * (ndim - len(times)) + times
    shape = (1,) * (ndim - len(shape)) + shape
    return tuple(length for pair in zip(times, shape, strict=True) for length in pair)


@op
def tile(x: Array, *, reps: int | Shape) -> Array:
    """Lay copies side by side, `reps` along each of the last axes. More reps than axes add axes."""
    return np.tile(x, reps)


@tile.backward
def tile_backward(dout: Array, x_shape: Shape, reps: int | Shape) -> Array:
    apart = tiles(x_shape, reps)
    return np.reshape(np.sum(np.reshape(dout, apart), axis=tuple(range(0, len(apart), 2))), x_shape)


def opposite(shift: int | Shape) -> int | Shape:
    """Return the shift that undoes `shift`."""
    return tuple(-each for each in shift) if isinstance(shift, list | tuple) else -shift


@op
def roll(x: Array, *, shift: int | Shape, axis: int | Shape | None = None) -> Array:
    """Shift elements along axes; what leaves at the end enters at the start.

    Without an axis, x is rolled as if it were flat, and keeps its shape.
    """
    return np.roll(x, shift, axis)


@roll.backward
def roll_backward(dout: Array, shift: int | Shape, axis: int | Shape | None) -> Array:
    return np.roll(dout, opposite(shift), axis)
