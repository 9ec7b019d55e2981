"""Which NumPy functions mean which op: adapters with NumPy's signatures, for calls on Tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import UnsupportedError
from ..ops import arithmetic, indexing, products, reductions, shapes
from .tensors import Tensor, strip

FUNCTIONS: dict[Any, Callable[..., Any]] = {}
"""NumPy function to adapter. Adapters take NumPy's arguments, as far as they are supported."""

CONSTANT = {
    getattr(np, name)
    for name in (
        "all allclose any argmax argmin argpartition argsort array_equal bincount count_nonzero "
        "empty_like flatnonzero full_like isclose iscomplexobj isrealobj ndim nonzero ones_like "
        "result_type searchsorted shape shares_memory may_share_memory size unique zeros_like"
    ).split()
}
"""Functions without a gradient: they see arrays and return arrays."""


def means(*functions: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register an adapter for NumPy functions."""

    def register(adapter: Callable[..., Any]) -> Callable[..., Any]:
        for function in functions:
            FUNCTIONS[function] = adapter
        return adapter

    return register


def _reduction(op: Any) -> Callable[..., Any]:
    def reduce(a: Any, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Any:
        if dtype is not None and dtype != a.dtype:
            a = arithmetic.astype(a, dtype=dtype)
        return op(a, axis=_plain_axis(axis), keepdims=_flag(keepdims))

    return reduce


def _spread_reduction(op: Any) -> Callable[..., Any]:
    def reduce(
        a: Any,
        axis: Any = None,
        *,
        ddof: int = 0,
        keepdims: bool = False,
        correction: int | None = None,
    ) -> Any:
        count = ddof if correction is None else correction
        return op(a, axis=_plain_axis(axis), ddof=count, keepdims=_flag(keepdims))

    return reduce


def _plain_axis(axis: Any) -> Any:
    return tuple(axis) if isinstance(axis, list) else axis


def _flag(keepdims: Any) -> bool:
    return bool(keepdims) if keepdims is not np._NoValue else False


for _function, _op in (
    (np.sum, reductions.sum_),
    (np.mean, reductions.mean),
    (np.max, reductions.max_),
    (np.min, reductions.min_),
    (np.prod, reductions.prod),
):
    FUNCTIONS[_function] = _reduction(_op)
FUNCTIONS[np.amax], FUNCTIONS[np.amin] = FUNCTIONS[np.max], FUNCTIONS[np.min]
FUNCTIONS[np.var] = _spread_reduction(reductions.var)
FUNCTIONS[np.std] = _spread_reduction(reductions.std)


@means(np.cumsum)
def _cumsum(a: Any, axis: int | None = None) -> Any:
    return reductions.cumsum(a, axis=axis)


@means(np.linalg.norm)
def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    if ord is not None and (axis is None and x.ndim != 1 or isinstance(axis, tuple)):
        raise UnsupportedError(
            "np.linalg.norm(ord=…) of a matrix has no backward here; flatten it, or give one axis"
        )
    return reductions.norm(x, ord=2 if ord is None else ord, axis=axis, keepdims=keepdims)


@means(np.reshape)
def _reshape(a: Any, shape: Any, order: str = "C") -> Any:
    if order != "C":
        raise UnsupportedError(f"np.reshape(order={order!r}) has no backward here; use order='C'")
    return shapes.reshape(a, shape=shape)


@means(np.ravel)
def _ravel(a: Any) -> Any:
    return shapes.reshape(a, shape=(-1,))


@means(np.transpose, np.permute_dims)
def _transpose(a: Any, axes: Any = None) -> Any:
    return shapes.transpose(a, axes=None if axes is None else tuple(axes))


@means(np.swapaxes)
def _swapaxes(a: Any, axis1: int, axis2: int) -> Any:
    axes = list(range(a.ndim))
    axes[axis1], axes[axis2] = axes[axis2], axes[axis1]
    return shapes.transpose(a, axes=tuple(axes))


@means(np.matrix_transpose)
def _matrix_transpose(x: Any) -> Any:
    return _swapaxes(x, -1, -2)


@means(np.moveaxis)
def _moveaxis(a: Any, source: Any, destination: Any) -> Any:
    return shapes.moveaxis(a, source=source, destination=destination)


@means(np.squeeze)
def _squeeze(a: Any, axis: Any = None) -> Any:
    return shapes.squeeze(a, axis=axis)


@means(np.expand_dims)
def _expand_dims(a: Any, axis: Any) -> Any:
    return shapes.expand_dims(a, axis=_plain_axis(axis))


@means(np.atleast_1d)
def _atleast_1d(*arrays: Any) -> Any:
    made = tuple(a if np.ndim(strip(a)) else shapes.reshape(a, shape=(1,)) for a in arrays)
    return made if len(made) > 1 else made[0]


@means(np.concatenate, np.concat)
def _concatenate(arrays: Sequence[Any], axis: int | None = 0) -> Any:
    if axis is None:
        return shapes.concatenate(*(_ravel(a) for a in arrays), axis=0)
    return shapes.concatenate(*arrays, axis=axis)


@means(np.stack)
def _stack(arrays: Sequence[Any], axis: int = 0) -> Any:
    return shapes.stack(*arrays, axis=axis)


@means(np.vstack)
def _vstack(tup: Sequence[Any]) -> Any:
    rows = [shapes.reshape(a, shape=(1, -1)) if np.ndim(strip(a)) < 2 else a for a in tup]
    return shapes.concatenate(*rows, axis=0)


@means(np.hstack)
def _hstack(tup: Sequence[Any]) -> Any:
    parts = [_atleast_1d(a) for a in tup]
    return shapes.concatenate(*parts, axis=0 if np.ndim(strip(parts[0])) == 1 else 1)


@means(np.split, np.array_split)
def _split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    axis = axis % ary.ndim
    length = ary.shape[axis]
    if isinstance(indices_or_sections, int):
        count = indices_or_sections
        whole, rest = divmod(length, count)
        sizes = [whole + 1] * rest + [whole] * (count - rest)
        cuts = [sum(sizes[:i]) for i in range(count + 1)]
    else:
        cuts = [0, *(int(i) for i in indices_or_sections), length]
    before = (slice(None),) * axis
    return [
        indexing.getitem(ary, index=(*before, slice(a, b)))
        for a, b in zip(cuts, cuts[1:], strict=False)
    ]


@means(np.flip)
def _flip(m: Any, axis: Any = None) -> Any:
    return shapes.flip(m, axis=axis)


@means(np.roll)
def _roll(a: Any, shift: Any, axis: Any = None) -> Any:
    return shapes.roll(a, shift=shift, axis=axis)


@means(np.pad)
def _pad(array: Any, pad_width: Any, mode: str = "constant", constant_values: Any = 0) -> Any:
    if mode != "constant" or not np.isscalar(constant_values):
        raise UnsupportedError("np.pad has a backward here for one constant value only")
    return shapes.pad(array, width=pad_width, value=constant_values)


@means(np.broadcast_to)
def _broadcast_to(array: Any, shape: Any) -> Any:
    return shapes.broadcast_to(array, shape=shape)


@means(np.repeat)
def _repeat(a: Any, repeats: Any, axis: int | None = None) -> Any:
    return shapes.repeat(a, repeats=repeats, axis=axis)


@means(np.tile)
def _tile(A: Any, reps: Any) -> Any:  # noqa: N803 - NumPy's own name
    return shapes.tile(A, reps=reps)


@means(np.take)
def _take(a: Any, indices: Any, axis: int | None = None) -> Any:
    indices = strip(indices)
    if axis is None:
        return indexing.getitem(_ravel(a), index=indices)
    return indexing.getitem(a, index=(*(slice(None),) * (axis % a.ndim), indices))


@means(np.take_along_axis)
def _take_along_axis(arr: Any, indices: Any, axis: int = -1) -> Any:
    return indexing.gather(arr, index=strip(indices), axis=axis)


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
    return m * np.triu(np.ones_like(strip(m), dtype=m.dtype), k)


@means(np.tril)
def _tril(m: Any, k: int = 0) -> Any:
    return m * np.tril(np.ones_like(strip(m), dtype=m.dtype), k)


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
def _clip(a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:
    low, high = (a_min if min is None else min), (a_max if max is None else max)
    return arithmetic.clip(a, low=low, high=high)


@means(np.round, np.around)
def _round(a: Any, decimals: int = 0) -> Any:
    return arithmetic.round_(a, decimals=decimals)


@means(np.copy)
def _copy(a: Any) -> Any:
    return a


@means(np.einsum)
def _einsum(subscripts: str, *operands: Any, optimize: Any = True) -> Any:
    if not isinstance(subscripts, str):
        raise UnsupportedError("np.einsum takes a text of subscripts here: np.einsum('ij,jk', a, b)")
    while len(operands) > 2:  # two at a time, keeping the letters that are still needed
        inputs, _, out = subscripts.replace(" ", "").partition("->")
        first, second, *rest = inputs.split(",")
        if "->" not in subscripts:
            letters = inputs.replace(",", "")
            out = "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
        needed = set(out).union(*rest)
        kept = "".join(c for c in dict.fromkeys(first + second) if c in needed)
        part = products.einsum(operands[0], operands[1], spec=f"{first},{second}->{kept}")
        operands = (part, *operands[2:])
        subscripts = f"{','.join([kept, *rest])}->{out}"
    return products.einsum(*operands, spec=subscripts)


@means(np.dot)
def _dot(a: Any, b: Any) -> Any:
    return products.dot(a, b)


@means(np.inner)
def _inner(a: Any, b: Any) -> Any:
    if np.ndim(strip(a)) == 0 or np.ndim(strip(b)) == 0:
        return a * b
    return products.dot(a, _swapaxes(b, -1, -2) if np.ndim(strip(b)) > 1 else b)


@means(np.outer)
def _outer(a: Any, b: Any) -> Any:
    return products.outer(_flat(a), _flat(b))


def _flat(a: Any) -> Any:
    return a if np.ndim(strip(a)) == 1 else np.reshape(a, (-1,))


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


@means(np.linalg.solve)
def _solve(a: Any, b: Any) -> Any:
    return products.solve(a, b)


@means(np.linalg.inv)
def _inverse(a: Any) -> Any:
    return products.inverse(a)


@means(np.array2string, np.array_repr, np.array_str)
def _text(a: Tensor, *_: Any, **__: Any) -> str:
    return repr(a)
