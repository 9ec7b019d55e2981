"""What moves, joins, repeats and picks elements, in our ops."""

from __future__ import annotations

from typing import Any

import numpy as np

from .plans import Plan, axes_of, converts, lengths_of, plain, require, several
from .records import Operand


@converts("reshape", "view", "_unsafe_view", "unflatten", "flatten", "ravel", "view_as",
          "reshape_as")  # fmt: skip
def _reshape(do: Plan, input: Any, *shape: Any, **options: Any) -> Any:
    return do("reshape", input, shape=do.outs[0].shape)


@converts("squeeze")
def _squeeze(do: Plan, input: Any, dim: Any = None) -> Any:
    if input.shape == do.outs[0].shape:
        return do("reshape", input, shape=input.shape)
    axes = [i for i, n in enumerate(input.shape) if n == 1]
    if dim is not None:
        asked = {d % input.ndim for d in ((dim,) if isinstance(dim, int) else dim)}
        axes = [i for i in axes if i in asked]
    return do("squeeze", input, axis=tuple(axes))


@converts("unsqueeze")
def _unsqueeze(do: Plan, input: Any, dim: int) -> Any:
    return do("expand_dims", input, axis=dim)


@converts("transpose", "swapaxes", "swapdims")
def _transpose(do: Plan, input: Any, dim0: int, dim1: int) -> Any:
    axes = list(range(input.ndim))
    axes[dim0], axes[dim1] = axes[dim1], axes[dim0]
    return do("transpose", input, axes=tuple(axes))


@converts("t", "T")
def _t(do: Plan, input: Any) -> Any:
    return do("transpose", input, axes=None)


@converts("mT")
def _mt(do: Plan, input: Any) -> Any:
    return _transpose(do, input, -1, -2)


@converts("permute")
def _permute(do: Plan, input: Any, *dims: Any) -> Any:
    return do("transpose", input, axes=tuple(int(d) for d in several(dims)))


@converts("movedim", "moveaxis")
def _movedim(do: Plan, input: Any, source: Any, destination: Any) -> Any:
    return do("moveaxis", input, source=lengths_of(source), destination=lengths_of(destination))


@converts("expand", "expand_as", "broadcast_to")
def _expand(do: Plan, input: Any, *sizes: Any, **options: Any) -> Any:
    return do("broadcast_to", input, shape=do.outs[0].shape)


@converts("cat", "concat", "concatenate")
def _cat(do: Plan, tensors: Any, dim: int = 0, *, axis: Any = None) -> Any:
    return do("concatenate", *tensors, axis=dim if axis is None else axis)


@converts("stack")
def _stack(do: Plan, tensors: Any, dim: int = 0) -> Any:
    return do("stack", *tensors, axis=dim)


@converts("split", "chunk", "split_with_sizes", "tensor_split", "split_copy")
def _split(do: Plan, input: Any, *rest: Any, dim: int = 0, **options: Any) -> Any:
    axis = (rest[1] if len(rest) > 1 else dim) % input.ndim
    parts, at = [], 0
    for out in do.outs:
        end = at + out.shape[axis]
        parts.append(do("getitem", input, index=(slice(None),) * axis + (slice(at, end),)))
        at = end
    return parts


@converts("unbind")
def _unbind(do: Plan, input: Any, dim: int = 0) -> Any:
    before = (slice(None),) * (dim % input.ndim)
    return [do("getitem", input, index=(*before, i)) for i in range(len(do.outs))]


@converts("getitem")
def _getitem(do: Plan, input: Any, index: Any) -> Any:
    return do("getitem", input, index=_index(index))


def _index(index: Any) -> Any:
    """Return an index as NumPy has it."""
    if isinstance(index, tuple):
        return tuple(_index(each) for each in index)
    if isinstance(index, slice):
        return slice(*(_index(each) for each in (index.start, index.stop, index.step)))
    if isinstance(index, Operand):
        value = index.value
        return int(value) if np.ndim(value) == 0 and value.dtype.kind in "iu" else value
    return [plain(each) for each in index] if isinstance(index, list) else index


@converts("select")
def _select(do: Plan, input: Any, dim: int, index: Any) -> Any:
    return do("getitem", input, index=(slice(None),) * (dim % input.ndim) + (int(plain(index)),))


@converts("narrow")
def _narrow(do: Plan, input: Any, dim: int, start: Any, length: int) -> Any:
    part = slice(int(plain(start)), int(plain(start)) + length)
    return do("getitem", input, index=(slice(None),) * (dim % input.ndim) + (part,))


@converts("index_select")
def _index_select(do: Plan, input: Any, dim: int, index: Any) -> Any:
    before = (slice(None),) * (dim % input.ndim)
    return do("getitem", input, index=(*before, plain(index)))


@converts("masked_select")
def _masked_select(do: Plan, input: Any, mask: Any) -> Any:
    return do("getitem", input, index=plain(mask))


@converts("gather", "take_along_dim")
def _gather(do: Plan, input: Any, *rest: Any, **options: Any) -> Any:
    if do.call.name == "gather":
        dim, index = (*rest, *(options[name] for name in ("dim", "index") if name in options))
    else:
        given = dict(zip(("indices", "dim"), rest, strict=False)) | options
        index, dim = given["indices"], given.get("dim")
    places = plain(index)
    if dim is not None and do.call.name == "gather":
        # PyTorch reads the first rows only, where there are fewer indices than rows.
        axis = dim % input.ndim
        cut = tuple(
            slice(None) if i == axis or n == m else slice(m)
            for i, (n, m) in enumerate(zip(input.shape, places.shape, strict=True))
        )
        if any(each != slice(None) for each in cut):
            input = do("getitem", input, index=cut)
    return do("gather", input, index=places, axis=dim)


@converts("flip")
def _flip(do: Plan, input: Any, *dims: Any) -> Any:
    return do("flip", input, axis=axes_of(several(dims)))


@converts("roll")
def _roll(do: Plan, input: Any, shifts: Any, dims: Any = None) -> Any:
    axis = None if dims in (None, (), []) else lengths_of(dims)
    return do("roll", input, shift=lengths_of(shifts), axis=axis)


@converts("repeat", "tile")
def _repeat(do: Plan, input: Any, *sizes: Any) -> Any:
    return do("tile", input, reps=tuple(several(sizes)))


@converts("repeat_interleave")
def _repeat_interleave(do: Plan, input: Any, repeats: Any, dim: Any = None, **rest: Any) -> Any:
    return do("repeat", input, repeats=plain(repeats), axis=dim)


@converts("pad")
def _pad(do: Plan, input: Any, pad: Any, mode: str = "constant", value: Any = None) -> Any:
    require(mode == "constant" and min(pad) >= 0)
    pairs = [(pad[i], pad[i + 1]) for i in range(0, len(pad), 2)][::-1]
    width = ((0, 0),) * (input.ndim - len(pairs)) + tuple(pairs)
    return do("pad", input, width=width, value=float(value or 0.0))


@converts("sum")
def _sum(do: Plan, input: Any, *dim: Any, **options: Any) -> Any:
    return _reduced(do, "sum", input, dim, options)


@converts("mean")
def _mean(do: Plan, input: Any, *dim: Any, **options: Any) -> Any:
    return _reduced(do, "mean", input, dim, options)


@converts("amax")
def _amax(do: Plan, input: Any, *dim: Any, **options: Any) -> Any:
    return _reduced(do, "max", input, dim, options)


@converts("amin")
def _amin(do: Plan, input: Any, *dim: Any, **options: Any) -> Any:
    return _reduced(do, "min", input, dim, options)


@converts("logsumexp")
def _logsumexp(do: Plan, input: Any, *dim: Any, **options: Any) -> Any:
    return _reduced(do, "logsumexp", input, dim, options)


@converts("prod")
def _prod(do: Plan, input: Any, *dim: Any, **options: Any) -> Any:
    return _reduced(do, "prod", input, dim, options)


def _reduced(do: Plan, name: str, input: Any, dim: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Reduce over `dim`, `axis` or all axes: `sum(1)`, `sum(0, 1)`, `sum((0, 1), True)`."""
    keep = bool(options.get("keepdim", options.get("keepdims", False)))
    if dim and isinstance(dim[-1], bool):
        dim, keep = dim[:-1], dim[-1]
    asked = several(dim) if dim else options.get("dim", options.get("axis"))
    axis = axes_of(asked)
    if isinstance(axis, tuple) and len(axis) == 1:
        axis = axis[0]
    return do(name, input, axis=axis, keepdims=keep)


@converts("max", "min")
def _max(do: Plan, input: Any, dim: Any = None, keepdim: bool = False, other: Any = None) -> Any:
    name = do.call.name
    if other is not None or isinstance(dim, Operand):
        return do(f"{name}imum", input, other if other is not None else dim)
    if dim is None:
        return do(name, input)
    if name == "max":
        return [do("max_by_index", input, axis=dim, keepdims=keepdim), None]
    found = do("max_by_index", do("negative", input), axis=dim, keepdims=keepdim)
    return [do("negative", found), None]


@converts("var", "std")
def _var(do: Plan, input: Any, *rest: Any, **options: Any) -> Any:
    ddof = 1.0
    given = dict(zip(("dim", "unbiased", "keepdim"), rest, strict=False)) | options
    if isinstance(given.get("dim"), bool):  # var(unbiased)
        given["unbiased"] = given.pop("dim")
    if "correction" in given and given["correction"] is not None:
        ddof = float(given["correction"])
    elif given.get("unbiased") is False:
        ddof = 0.0
    axis, keep = axes_of(given.get("dim")), bool(given.get("keepdim", False))
    return do(do.call.name, input, axis=axis, ddof=ddof, keepdims=keep)


@converts("cumsum")
def _cumsum(do: Plan, input: Any, dim: int, *, dtype: Any = None) -> Any:
    return do("cumsum", input, axis=dim)


@converts("norm", "linalg_norm", "linalg_vector_norm")
def _norm(
    do: Plan, input: Any, p: Any = 2, dim: Any = None, keepdim: bool = False, **rest: Any
) -> Any:
    order = rest.get("ord", p)
    order = 2 if order in ("fro", None) else order
    return do("norm", input, ord=float(order), axis=axes_of(dim), keepdims=keepdim)
