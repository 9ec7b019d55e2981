"""Which NumPy functions mean which op: adapters with NumPy's signatures, for calls on Tensors."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import InPlaceError, ShapeError, UnsupportedError
from ..ops import arithmetic, indexing, products, reductions, shapes
from .tensors import Tensor, strip

FUNCTIONS: dict[Any, Callable[..., Any]] = {}
"""NumPy function to adapter. Adapters take NumPy's arguments, as far as they are supported."""

# fmt: off
CONSTANT = {
    np.all, np.allclose, np.any, np.argmax, np.argmin, np.argpartition, np.argsort, np.array_equal,
    np.bincount, np.count_nonzero, np.empty_like, np.flatnonzero, np.full_like, np.isclose,
    np.iscomplexobj, np.isrealobj, np.may_share_memory, np.ndim, np.nonzero, np.ones_like,
    np.result_type, np.searchsorted, np.shape, np.shares_memory, np.size, np.unique, np.zeros_like,
}
# fmt: on
"""Functions without a gradient: they see arrays and return arrays."""


def means(*functions: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register an adapter for NumPy functions."""

    def register(adapter: Callable[..., Any]) -> Callable[..., Any]:
        for function in functions:
            FUNCTIONS[function] = adapter
        return adapter

    return register


def refuse_out(name: str, out: Any) -> None:
    """Raise InPlaceError where an array is given to be written to."""
    if out is not None:
        raise InPlaceError(
            f"{name}(…, out=…) would write into a value under record; "
            "leave out= away and use the result"
        )


def _sum_like(function: Any, op: Any) -> Callable[..., Any]:
    def reduce(
        a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: bool = False
    ) -> Any:
        refuse_out(f"np.{function.__name__}", out)
        return op(_converted(a, dtype), axis=_plain_axis(axis), keepdims=bool(keepdims))

    return reduce


def _max_like(function: Any, op: Any) -> Callable[..., Any]:
    def reduce(a: Any, axis: Any = None, out: Any = None, keepdims: bool = False) -> Any:
        refuse_out(f"np.{function.__name__}", out)
        return op(a, axis=_plain_axis(axis), keepdims=bool(keepdims))

    return reduce


def _var_like(function: Any, op: Any) -> Callable[..., Any]:
    def reduce(
        a: Any,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        ddof: int = 0,
        keepdims: bool = False,
        *,
        correction: int | None = None,
    ) -> Any:
        refuse_out(f"np.{function.__name__}", out)
        count = ddof if correction is None else correction
        a = _converted(a, dtype)
        return op(a, axis=_plain_axis(axis), ddof=count, keepdims=bool(keepdims))

    return reduce


def _converted(a: Any, dtype: Any) -> Any:
    return a if dtype is None or dtype == a.dtype else arithmetic.astype(a, dtype=dtype)


def _plain_axis(axis: Any) -> Any:
    return tuple(axis) if isinstance(axis, list) else axis


for _kind, _function, _op in (
    (_sum_like, np.sum, reductions.sum_),
    (_sum_like, np.mean, reductions.mean),
    (_sum_like, np.prod, reductions.prod),
    (_max_like, np.max, reductions.max_),
    (_max_like, np.min, reductions.min_),
    (_var_like, np.var, reductions.var),
    (_var_like, np.std, reductions.std),
):
    FUNCTIONS[_function] = _kind(_function, _op)
FUNCTIONS[np.amax], FUNCTIONS[np.amin] = FUNCTIONS[np.max], FUNCTIONS[np.min]


@means(np.linalg.norm)
def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    of_matrix = isinstance(axis, tuple | list) or (axis is None and x.ndim != 1)
    if ord is not None and of_matrix:
        raise UnsupportedError(
            "np.linalg.norm(ord=…) of a matrix has no backward here; flatten it, or give one axis"
        )
    order = 2 if ord is None else ord
    return reductions.norm(x, ord=order, axis=_plain_axis(axis), keepdims=keepdims)


@means(np.reshape)
def _reshape(a: Any, shape: Any, order: str = "C") -> Any:
    if order != "C":
        raise UnsupportedError(f"np.reshape(order={order!r}) has no backward here; use order='C'")
    return shapes.reshape(a, shape=shape)


@means(np.transpose, np.permute_dims)
def _transpose(a: Any, axes: Any = None) -> Any:
    return shapes.transpose(a, axes=None if axes is None else tuple(axes))


@means(np.swapaxes)
def _swapaxes(a: Any, axis1: int, axis2: int) -> Any:
    axes = list(range(a.ndim))
    axes[axis1], axes[axis2] = axes[axis2], axes[axis1]
    return shapes.transpose(a, axes=tuple(axes))


@means(np.atleast_1d)
def _atleast_1d(*arrays: Any) -> Any:
    made = tuple(a if np.ndim(strip(a)) else shapes.reshape(a, shape=(1,)) for a in arrays)
    return made if len(made) > 1 else made[0]


@means(np.concatenate, np.concat)
def _concatenate(arrays: Sequence[Any], axis: int | None = 0) -> Any:
    if axis is None:
        return shapes.concatenate(*(_flat(a) for a in arrays), axis=0)
    return shapes.concatenate(*arrays, axis=axis)


@means(np.vstack)
def _vstack(tup: Sequence[Any]) -> Any:
    rows = [shapes.reshape(a, shape=(1, -1)) if np.ndim(strip(a)) < 2 else a for a in tup]
    return shapes.concatenate(*rows, axis=0)


@means(np.hstack)
def _hstack(tup: Sequence[Any]) -> Any:
    parts = [_atleast_1d(a) for a in tup]
    return shapes.concatenate(*parts, axis=0 if np.ndim(strip(parts[0])) == 1 else 1)


@means(np.split)
def _split(ary: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    if np.ndim(indices_or_sections) == 0 and ary.shape[axis] % indices_or_sections:
        raise ShapeError(
            f"np.split: {ary.shape[axis]} along axis {axis} do not divide into "
            f"{indices_or_sections} equal parts; np.array_split takes unequal ones"
        )
    return _array_split(ary, indices_or_sections, axis)


@means(np.array_split)
def _array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    axis = axis % ary.ndim
    length = ary.shape[axis]
    if np.ndim(indices_or_sections) == 0:
        count = int(indices_or_sections)
        whole, rest = divmod(length, count)
        sizes = [whole + 1] * rest + [whole] * (count - rest)
        cuts = [sum(sizes[:i]) for i in range(count + 1)]
    else:
        cuts = [0, *(int(i) for i in indices_or_sections), length]
    before = (slice(None),) * axis
    return [
        indexing.getitem(ary, index=(*before, slice(a, b))) for a, b in itertools.pairwise(cuts)
    ]


@means(np.pad)
def _pad(array: Any, pad_width: Any, mode: str = "constant", constant_values: Any = 0) -> Any:
    if mode != "constant" or not np.isscalar(constant_values):
        raise UnsupportedError("np.pad has a backward here for one constant value only")
    return shapes.pad(array, width=pad_width, value=constant_values)


@means(np.take)
def _take(a: Any, indices: Any, axis: int | None = None) -> Any:
    indices = strip(indices)
    if axis is None:
        return indexing.getitem(_flat(a), index=indices)
    return indexing.getitem(a, index=(*(slice(None),) * (axis % a.ndim), indices))


@means(np.sort)
def _sort(a: Any, axis: int = -1) -> Any:
    return indexing.gather(a, index=np.argsort(strip(a), axis=axis, stable=True), axis=axis)


@means(np.diff)
def _diff(a: Any, n: int = 1, axis: int = -1) -> Any:
    before = (slice(None),) * (axis % a.ndim)
    for _ in range(n):
        later = indexing.getitem(a, index=(*before, slice(1, None)))
        a = later - indexing.getitem(a, index=(*before, slice(None, -1)))
    return a


@means(np.triu)
def _triu(m: Any, k: int = 0) -> Any:
    above = np.triu(np.ones_like(strip(m), dtype=bool), k)
    return arithmetic.where(m, 0, condition=above)


@means(np.tril)
def _tril(m: Any, k: int = 0) -> Any:
    below = np.tril(np.ones_like(strip(m), dtype=bool), k)
    return arithmetic.where(m, 0, condition=below)


@means(np.trace)
def _trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    if a.ndim != 2 or (axis1, axis2) != (0, 1):
        raise UnsupportedError("np.trace has a backward here for matrices only")
    rows = np.arange(max(0, min(a.shape[0] + min(offset, 0), a.shape[1] - max(offset, 0))))
    index = (rows - min(offset, 0), rows + max(offset, 0))
    return reductions.sum_(indexing.getitem(a, index=index))


@means(np.where)
def _where(condition: Any, x: Any, y: Any) -> Any:
    return arithmetic.where(x, y, condition=strip(condition))


@means(np.clip)
def _clip(
    a: Any,
    a_min: Any = None,
    a_max: Any = None,
    out: Any = None,
    *,
    min: Any = None,
    max: Any = None,
) -> Any:
    refuse_out("np.clip", out)
    low, high = (a_min if min is None else min), (a_max if max is None else max)
    return arithmetic.clip(a, low=low, high=high)


@means(np.copy)
def copy(a: Any) -> Any:
    """Return a value of its own: assigning to the original does not change it."""
    return shapes.reshape(a, shape=a.shape)


@means(np.einsum)
def _einsum(subscripts: str, *operands: Any, optimize: Any = True) -> Any:
    if not isinstance(subscripts, str):
        raise UnsupportedError("np.einsum takes subscripts as text here: np.einsum('ij,jk', a, b)")
    if len(operands) > 2:
        return products.einsum_of_many(subscripts, operands)
    return products.einsum(*operands, spec=subscripts)


@means(np.inner)
def _inner(a: Any, b: Any) -> Any:
    if np.ndim(strip(a)) == 0 or np.ndim(strip(b)) == 0:
        return a * b
    return products.dot(a, _swapaxes(b, -1, -2) if np.ndim(strip(b)) > 1 else b)


@means(np.outer)
def _outer(a: Any, b: Any) -> Any:
    return products.outer(_flat(a), _flat(b))


def _flat(a: Any) -> Any:
    return a if np.ndim(strip(a)) == 1 else shapes.reshape(a, shape=(-1,))


@means(np.tensordot)
def _tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    if isinstance(axes, int):
        axes = (list(range(np.ndim(strip(a)) - axes, np.ndim(strip(a)))), list(range(axes)))
    left, right = ([each] if isinstance(each, int) else list(each) for each in axes)
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    dims_a, dims_b = np.ndim(strip(a)), np.ndim(strip(b))
    names_a = list(letters[:dims_a])
    names_b = list(letters[dims_a : dims_a + dims_b])
    for i, j in zip(left, right, strict=True):
        names_b[j] = names_a[i]
    kept_a = [n for i, n in enumerate(names_a) if i not in {k % dims_a for k in left}]
    kept_b = [n for j, n in enumerate(names_b) if j not in {k % dims_b for k in right}]
    spec = f"{''.join(names_a)},{''.join(names_b)}->{''.join(kept_a + kept_b)}"
    return products.einsum(a, b, spec=spec)


@means(np.array2string, np.array_repr, np.array_str)
def _text(a: Tensor, *_: Any, **__: Any) -> str:
    return repr(a)


# What takes NumPy's arguments under other names.
FUNCTIONS |= {
    np.append: lambda arr, values, axis=None: _concatenate((arr, values), axis),
    np.broadcast_to: lambda array, shape: shapes.broadcast_to(array, shape=shape),
    np.cumsum: lambda a, axis=None: reductions.cumsum(a, axis=axis),
    np.dot: lambda a, b: products.dot(a, b),
    np.expand_dims: lambda a, axis: shapes.expand_dims(a, axis=_plain_axis(axis)),
    np.flip: lambda m, axis=None: shapes.flip(m, axis=axis),
    np.fliplr: lambda m: shapes.flip(m, axis=1),
    np.flipud: lambda m: shapes.flip(m, axis=0),
    np.linalg.inv: lambda a: products.inverse(a),
    np.linalg.solve: lambda a, b: products.solve(a, b),
    np.matrix_transpose: lambda x: _swapaxes(x, -1, -2),
    np.moveaxis: lambda a, source, destination: shapes.moveaxis(
        a, source=source, destination=destination
    ),
    np.ravel: lambda a: shapes.reshape(a, shape=(-1,)),
    np.repeat: lambda a, repeats, axis=None: shapes.repeat(a, repeats=strip(repeats), axis=axis),
    np.roll: lambda a, shift, axis=None: shapes.roll(a, shift=shift, axis=axis),
    np.round: lambda a, decimals=0: arithmetic.round_(a, decimals=decimals),
    np.squeeze: lambda a, axis=None: shapes.squeeze(a, axis=axis),
    np.stack: lambda arrays, axis=0: shapes.stack(*arrays, axis=axis),
    np.take_along_axis: lambda arr, indices, axis=-1: indexing.gather(
        arr, index=strip(indices), axis=axis
    ),
    np.tile: lambda A, reps: shapes.tile(A, reps=reps),
}
FUNCTIONS[np.around], FUNCTIONS[np.permute_dims] = FUNCTIONS[np.round], FUNCTIONS[np.transpose]
