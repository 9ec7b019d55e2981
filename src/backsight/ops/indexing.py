"""Reading by index and its mirror, writing by index: getitem ↔ scatter, gather ↔ spread.

Each is the other's backward, so that they can be differentiated to any order. Only the forwards of
scatter and spread write into an array; no backward does.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..arrays import Array, Shape
from ..errors import IndexingError
from .protocol import op

__all__ = ["embedding", "gather", "getitem", "one_hot", "scatter", "spread"]


@op
def getitem(x: Array, *, index: Any) -> Array:
    """Read `x[index]`: integers, slices, None, `...`, arrays of integers, masks, tuples of them."""
    return x[index]


@getitem.backward
def getitem_backward(dout: Array, x_shape: Shape, index: Any) -> Array:
    return scatter(dout, index=index, shape=x_shape)


def dtype_of(index: Any) -> Any:
    """Return the dtype of an array, or of the array that a list would be."""
    return index.dtype if hasattr(index, "dtype") else np.asarray(index).dtype


def may_repeat(index: Any) -> bool:
    """Tell whether an index may name an element twice. Only arrays of integers can.

    >>> may_repeat((slice(2), None, 3)), may_repeat([0, 0])
    (False, True)
    """
    entries = index if isinstance(index, tuple) else (index,)
    arrays = [each for each in entries if np.ndim(each)]
    return len(arrays) > 1 or (len(arrays) == 1 and dtype_of(arrays[0]) != np.bool_)


def rows_of(index: Any) -> Any:
    """Return the one array of integers of an index that reads whole rows, None for others."""
    if isinstance(index, tuple):
        index = index[0] if len(index) == 1 else None
    return index if np.ndim(index) and dtype_of(index) != np.bool_ else None


@op
def scatter(x: Array, *, index: Any, shape: Shape) -> Array:
    """Make zeros of a shape, with x added at index. What reading `x[index]` does, backward."""
    out = np.zeros_like(x, shape=shape, order="C")
    if not may_repeat(index):
        out[index] = x
    elif rows_of(index) is None or len(shape) == 1:
        np.add.at(out, index, x)
    else:
        # Sorted, equal rows stand together and are summed at once: faster than add.at.
        given = np.reshape(np.asarray(rows_of(index), dtype=np.intp, like=x), (-1,))
        rows = given + (given < 0) * shape[0]
        order = np.argsort(rows, kind="stable")
        starts = np.flatnonzero(np.diff(rows[order], prepend=-1))
        sorted_x = np.reshape(x, (rows.size, *shape[1:]))[order]
        out[rows[order][starts]] = np.add.reduceat(sorted_x, starts, axis=0)
    return out


@scatter.backward
def scatter_backward(dout: Array, index: Any) -> Array:
    return dout[index]


@op
def gather(x: Array, *, index: Array, axis: int | None = -1) -> Array:
    """Read one element per place of `index` along an axis: `np.take_along_axis`.

    `index` has as many axes as x, and broadcasts with it along the others.
    """
    return np.take_along_axis(x, index, axis)


@gather.backward
def gather_backward(dout: Array, x_shape: Shape, index: Array, axis: int | None) -> Array:
    return spread(dout, index=index, axis=axis, shape=x_shape)


def along(index: Array, axis: int, shape: Shape) -> tuple[Array, ...]:
    """Return the index that reads `index` along `axis`, and every other axis in order."""
    ndim = len(shape)
    return tuple(
        index
        if i == axis % ndim
        else np.reshape(np.arange(n, like=index), (1,) * i + (n,) + (1,) * (ndim - i - 1))
        for i, n in enumerate(shape)
    )


@op
def spread(x: Array, *, index: Array, axis: int | None = -1, shape: Shape) -> Array:
    """Make zeros of a shape, with x added at `index` along an axis. What gather does, backward."""
    if axis is None:
        return np.reshape(spread(x, index=index, axis=0, shape=(math.prod(shape),)), shape)
    out = np.zeros_like(x, shape=shape, order="C")
    if index.shape[axis] == 1:
        out[along(index, axis, shape)] = x  # one place each: nothing meets
    else:
        np.add.at(out, along(index, axis, shape), x)
    return out


@spread.backward
def spread_backward(dout: Array, index: Array, axis: int | None) -> Array:
    return np.take_along_axis(dout, index, axis)


@op
def embedding(weight: Array, *, indices: Array, padding_index: int | None = None) -> Array:
    """Look up rows: weight (V, D), indices (…) of integers 0 to V-1; result (…, D).

    The row `padding_index` gets no gradient. Raises IndexingError for an index outside the table.
    """
    return weight[indices]


@embedding.backward
def embedding_backward(
    dout: Array, weight_shape: Shape, indices: Array, padding_index: int | None
) -> Array:
    if padding_index is None:
        return scatter(dout, index=indices, shape=weight_shape)
    is_padding = np.equal(indices, padding_index % weight_shape[0])[..., None]
    return scatter(np.where(is_padding, 0, dout), index=indices, shape=weight_shape)


@embedding.check
def check_embedding(weight: Array, indices: Array, padding_index: int | None) -> None:
    """Refuse indices that NumPy would take for something else: floats, masks, negative ones."""
    rows = weight.shape[0] if weight.ndim else 0
    if weight.ndim != 2:
        raise IndexingError(f"weight {weight.shape} must be (V, D), one row per index")
    if dtype_of(indices).kind not in "iu":
        raise IndexingError(f"indices are integers 0 to {rows - 1}, not {dtype_of(indices)}")
    low, high = (int(np.min(indices)), int(np.max(indices))) if np.size(indices) else (0, -1)
    if low < 0 or high >= rows:
        worst = low if low < 0 else high
        raise IndexingError(f"indices hold {worst}, but weight has {rows} rows: 0 to {rows - 1}")
    if padding_index is not None and not -rows <= padding_index < rows:
        raise IndexingError(f"padding_index is {padding_index}, but weight has {rows} rows")


def one_hot(labels: Array, classes: int, dtype: Any = np.float64) -> Array:
    """Return rows of zeros with a 1 at the label: labels (…) of integers, result (…, classes).

    A label outside 0 to classes-1 gives a row of zeros; see `check_labels`.
    """
    given = labels if hasattr(labels, "__array_function__") else np.asarray(labels)
    return (given[..., None] == np.arange(classes, like=given)).astype(dtype)


def check_labels(labels: Array, classes: int) -> None:
    """Raise IndexingError unless labels are integers 0 to classes-1."""
    if dtype_of(labels).kind not in "iu":
        raise IndexingError(f"labels are integers 0 to {classes - 1}, not {dtype_of(labels)}")
    low, high = (int(np.min(labels)), int(np.max(labels))) if np.size(labels) else (0, -1)
    if low < 0 or high >= classes:
        worst = low if low < 0 else high
        raise IndexingError(
            f"labels hold {worst}, but there are {classes} classes: 0 to {classes - 1}"
        )
