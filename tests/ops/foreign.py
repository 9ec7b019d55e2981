"""An array type that is not NumPy's: a strict stand-in for arrays on another device.

It speaks NumPy's two protocols and nothing else. While `strict()` is on, mixing it with a NumPy
array of one or more axes raises, as it does on a GPU. While `logged()` is on, every call is written
down, and `replayed` runs the list again on other numbers.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from backsight.engine.tensors import Tensor

Call = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any], Any]
_strict = False
_log: list[Call] | None = None


@contextmanager
def strict() -> Iterator[None]:
    global _strict
    _strict = True
    try:
        yield
    finally:
        _strict = False


@contextmanager
def logged() -> Iterator[list[Call]]:
    global _log
    _log = []
    try:
        yield _log
    finally:
        _log = None


def mapped(function: Callable[[Any], Any], value: Any) -> Any:
    """Apply a function to everything inside tuples, lists, dicts and slices."""
    if isinstance(value, tuple | list):
        return type(value)(mapped(function, v) for v in value)
    if isinstance(value, dict):
        return {k: mapped(function, v) for k, v in value.items()}
    return function(value)


def plain(value: Any) -> Any:
    if isinstance(value, Foreign):
        return value.plain
    if _strict and isinstance(value, np.ndarray) and value.ndim:
        raise TypeError("a NumPy array met an array of another device")
    return value


def wrapped(value: Any) -> Any:
    return Foreign(np.asarray(value)) if isinstance(value, np.ndarray | np.generic) else value


def run(function: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """Call a function on the arrays inside, and write it down."""
    out = mapped(wrapped, function(*mapped(plain, args), **mapped(plain, options)))
    if _log is not None:
        _log.append((function, args, options, out))
    return out


def replayed(log: list[Call], values: dict[int, Any]) -> None:
    """Run calls again; `values` maps ids of arrays to their new numbers, and is filled."""

    def current(value: Any) -> Any:
        return values.get(id(value), value.plain) if isinstance(value, Foreign) else value

    def keep(old: Any, new: Any) -> None:
        if isinstance(old, Foreign):
            values[id(old)] = new
        elif isinstance(old, tuple | list):
            for each, value in zip(old, new, strict=True):
                keep(each, value)

    for function, args, options, out in log:
        keep(out, function(*mapped(current, args), **mapped(current, options)))


class Foreign(NDArrayOperatorsMixin):
    """An array elsewhere. 0-d results are arrays, too, as on a GPU."""

    def __init__(self, value: Any) -> None:
        self.plain = value

    shape = property(lambda self: self.plain.shape)
    dtype = property(lambda self: self.plain.dtype)
    ndim = property(lambda self: self.plain.ndim)
    size = property(lambda self: self.plain.size)
    T = property(lambda self: run(np.transpose, self))
    base = None

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("an array of another device was turned into a NumPy array")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        if any(isinstance(x, Tensor) for x in inputs):
            return NotImplemented
        function = ufunc if method == "__call__" else getattr(ufunc, method)
        out = options.pop("out", (None,))[0]
        if out is not None:
            run(function, *inputs, out=out, **options)
            return out
        return run(function, *inputs, **options)

    def __array_function__(self, function: Any, types: Any, args: Any, keywords: Any) -> Any:
        if any(issubclass(t, Tensor) for t in types):
            return NotImplemented
        return run(function, *args, **keywords)

    def __getitem__(self, index: Any) -> Any:
        return run(operator.getitem, self, index)

    def __setitem__(self, index: Any, value: Any) -> None:
        run(operator.setitem, self, index, value)

    def __len__(self) -> int:
        return len(self.plain)

    def __bool__(self) -> bool:
        return bool(self.plain)

    def __int__(self) -> int:
        return int(self.plain)

    def __float__(self) -> float:
        return float(self.plain)

    def astype(self, dtype: Any, copy: bool = True) -> Any:
        return run(lambda x: x.astype(dtype), self)

    def copy(self) -> Any:
        return run(lambda x: x.copy(), self)
