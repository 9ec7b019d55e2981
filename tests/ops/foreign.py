"""An array type that is not NumPy's: a strict stand-in for arrays on another device.

It speaks NumPy's two protocols and nothing else. While `strict()` is on, mixing it with a NumPy
array of one or more axes raises, as it does on a GPU.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from backsight.engine.tensors import Tensor

_strict = False


@contextmanager
def strict() -> Iterator[None]:
    global _strict
    _strict = True
    try:
        yield
    finally:
        _strict = False


def plain(value: Any) -> Any:
    if isinstance(value, Foreign):
        return value.plain
    if isinstance(value, tuple | list):
        return type(value)(plain(v) for v in value)
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if _strict and isinstance(value, np.ndarray) and value.ndim:
        raise TypeError("a NumPy array met an array of another device")
    return value


def wrapped(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return Foreign(np.asarray(value))
    if isinstance(value, tuple | list):
        return type(value)(wrapped(v) for v in value)
    return value


class Foreign(NDArrayOperatorsMixin):
    """An array elsewhere. 0-d results are arrays, too, as on a GPU."""

    def __init__(self, value: Any) -> None:
        self.plain = value

    shape = property(lambda self: self.plain.shape)
    dtype = property(lambda self: self.plain.dtype)
    ndim = property(lambda self: self.plain.ndim)
    size = property(lambda self: self.plain.size)
    T = property(lambda self: wrapped(self.plain.T))
    base = None

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("an array of another device was turned into a NumPy array")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        if any(isinstance(x, Tensor) for x in inputs):
            return NotImplemented
        out = options.pop("out", None)
        function = ufunc if method == "__call__" else getattr(ufunc, method)
        if method == "at":
            function(*plain(inputs))
            return None
        if out is not None and out[0] is not None:
            function(*plain(inputs), out=plain(out), **plain(options))
            return out[0]
        return wrapped(function(*plain(inputs), **plain(options)))

    def __array_function__(self, function: Any, types: Any, args: Any, keywords: Any) -> Any:
        if any(issubclass(t, Tensor) for t in types):
            return NotImplemented
        return wrapped(function(*plain(args), **plain(keywords)))

    def __getitem__(self, index: Any) -> Any:
        return wrapped(self.plain[plain(index)])

    def __setitem__(self, index: Any, value: Any) -> None:
        self.plain[plain(index)] = plain(value)

    def __len__(self) -> int:
        return len(self.plain)

    def __bool__(self) -> bool:
        return bool(self.plain)

    def __int__(self) -> int:
        return int(self.plain)

    def __float__(self) -> float:
        return float(self.plain)

    def astype(self, dtype: Any, copy: bool = True) -> Any:
        return wrapped(self.plain.astype(dtype))

    def copy(self) -> Any:
        return wrapped(self.plain.copy())
