"""Plain NumPy on Tensors: operators, ufuncs, functions and ndarray's methods, all by table."""

from __future__ import annotations

import difflib
import operator
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ..errors import InPlaceError, UnsupportedError
from ..ops import arithmetic, indexing, products
from ..ops.protocol import OPS
from .modes import recording
from .numpy_functions import CONSTANT, FUNCTIONS
from .recorder import recorder
from .tensors import Tensor, assign, strip

UFUNCS: dict[Any, Callable[..., Any]] = {
    ufunc: made
    for name, made in OPS.items()
    if isinstance(ufunc := getattr(np, name, None), np.ufunc)
}
UFUNCS |= {
    np.float_power: arithmetic.power,
    np.fabs: arithmetic.absolute,
    np.matvec: products.matmul,
    np.positive: lambda x: x,
    np.rint: arithmetic.round_,
}
"""Ufunc to op: every op that bears a ufunc's name, and a few by hand."""

CONSTANT_UFUNCS = {
    getattr(np, name)
    for name in (
        "equal not_equal less less_equal greater greater_equal isnan isinf isfinite signbit "
        "logical_and logical_or logical_xor logical_not bitwise_and bitwise_or bitwise_xor invert"
    ).split()
}
"""Ufuncs without a gradient: they see arrays and return arrays."""

_REDUCTIONS = {
    np.add: np.sum,
    np.multiply: np.prod,
    np.maximum: np.max,
    np.minimum: np.min,
}


def array_ufunc(self: Tensor, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
    """Answer `np.exp(t)`, `np.add.reduce(t)` and their kin."""
    if options.get("out") is not None:
        raise InPlaceError(
            f"np.{ufunc.__name__}(…, out=…) would write into a value under record; "
            "leave out= away and use the result"
        )
    if method == "__call__":
        meant = UFUNCS.get(ufunc)
        if meant is not None:
            if options:
                raise UnsupportedError(
                    f"np.{ufunc.__name__} on a Tensor takes no {', '.join(options)}=; "
                    "use np.where for where=, and .astype for dtype="
                )
            return meant(*inputs)
        if ufunc in CONSTANT_UFUNCS:
            return ufunc(*strip(inputs), **options)
    if method == "reduce" and ufunc in _REDUCTIONS:
        axis = options.pop("axis", 0)
        return FUNCTIONS[_REDUCTIONS[ufunc]](*inputs, axis=axis, **options)
    raise unsupported(f"np.{ufunc.__name__}" + (f".{method}" if method != "__call__" else ""))


def array_function(
    self: Tensor, function: Any, types: Iterable[type], args: Any, keywords: Any
) -> Any:
    """Answer `np.sum(t)`, `np.concatenate([t, u])` and their kin."""
    meant = FUNCTIONS.get(function)
    if meant is not None:
        if keywords.get("out") is not None:
            raise InPlaceError(
                f"np.{function.__name__}(…, out=…) would write into a value under record; "
                "leave out= away and use the result"
            )
        keywords = {k: v for k, v in keywords.items() if k != "out" and v is not np._NoValue}
        try:
            return meant(*args, **keywords)
        except TypeError as error:
            if "unexpected keyword" in str(error) or "positional argument" in str(error):
                raise UnsupportedError(
                    f"np.{function.__name__} on a Tensor: {str(error).split('() ')[-1]}"
                ) from None
            raise
    if function in CONSTANT:
        return function(*strip(args), **strip(keywords))
    module = function.__module__.removeprefix("numpy")
    raise unsupported(f"np{module}.{function.__name__}")


def unsupported(name: str) -> UnsupportedError:
    """Say that a NumPy call has no backward, and name the nearest that has one."""
    known = {f"np.{f.__name__}" for f in (*FUNCTIONS, *UFUNCS)}
    known |= {f"np.linalg.{f.__name__}" for f in FUNCTIONS if "linalg" in f.__module__}
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
    return UnsupportedError(
        f"{name} has no backward here; the nearest supported function is {near[0]}. "
        "Use tensor.value for a constant, or write the op with @backsight.op"
    )


def _swapped(op: Any) -> Callable[[Any, Any], Any]:
    call = recorder(op, swapped=True)
    return call


def _in_place(symbol: str, op: Any) -> Callable[[Tensor, Any], Tensor]:
    def write(self: Tensor, other: Any) -> Tensor:
        if self.op is None and self.wanted:
            if recording.get():
                raise InPlaceError(
                    f"`{self.name or 'w'} {symbol} …` on a leaf that requires a gradient; inside "
                    f"no_grad() it updates the leaf, and so does {self.name or 'w'}.value {symbol} …"
                )
            assign(self, op.forward(self._value, strip(other)))
            return self
        changed: Tensor = op(self, other)
        return changed

    return write


def getitem(x: Tensor, index: Any) -> Any:
    """Read `x[index]`; Tensors of integers or booleans in the index count as arrays."""
    return indexing.getitem(x, index=strip(index))


def install() -> None:
    """Give Tensor its operators, NumPy's two protocols, and ndarray's methods."""
    binary = {
        "add": arithmetic.add,
        "sub": arithmetic.subtract,
        "mul": arithmetic.multiply,
        "truediv": arithmetic.divide,
        "pow": arithmetic.power,
        "matmul": products.matmul,
    }
    symbols = {"add": "+=", "sub": "-=", "mul": "*=", "truediv": "/=", "pow": "**="}
    for name, op in binary.items():
        # The recorder itself is the method: one call less for every operator.
        setattr(Tensor, f"__{name}__", recorder(op))
        setattr(Tensor, f"__r{name}__", _swapped(op))
        if name in symbols:
            setattr(Tensor, f"__i{name}__", _in_place(symbols[name], op))
    for name in ("gt", "ge", "lt", "le", "eq", "ne"):
        compare = getattr(operator, name)
        setattr(Tensor, f"__{name}__", _comparison(compare))
    plain: dict[str, Any] = {
        "__neg__": recorder(arithmetic.negative),
        "__pos__": lambda self: self,
        "__abs__": recorder(arithmetic.absolute),
        "__round__": lambda self, decimals=0: arithmetic.round_(self, decimals=decimals),
        "__getitem__": getitem,
        "__array_ufunc__": array_ufunc,
        "__array_function__": array_function,
        "T": property(lambda self: FUNCTIONS[np.transpose](self)),
        "mT": property(lambda self: FUNCTIONS[np.matrix_transpose](self)),
        "astype": lambda self, dtype: arithmetic.astype(self, dtype=dtype),
        "reshape": _with_shape(np.reshape),
        "transpose": _with_axes,
        "flatten": lambda self: FUNCTIONS[np.ravel](self),
        "copy": lambda self: self,
        "dot": lambda self, other: products.dot(self, other),
    }
    for name, method in plain.items():
        setattr(Tensor, name, method)
    for name in _METHODS.split():
        setattr(Tensor, name, _method(name))


_METHODS = (
    "sum mean max min var std prod cumsum clip squeeze ravel repeat swapaxes round take trace "
    "argmax argmin argsort any all nonzero"
)


def _method(name: str) -> Callable[..., Any]:
    function = getattr(np, name)

    def method(self: Tensor, *args: Any, **keywords: Any) -> Any:
        return array_function(self, function, (Tensor,), (self, *args), keywords)

    method.__name__ = name
    method.__doc__ = f"Compute `np.{name}` of this value."
    return method


def _comparison(compare: Callable[[Any, Any], Any]) -> Callable[[Tensor, Any], Any]:
    def method(self: Tensor, other: Any) -> Any:
        return compare(self._value, strip(other))

    return method


def _with_shape(function: Any) -> Callable[..., Any]:
    def method(self: Tensor, *shape: Any) -> Any:
        wanted = shape[0] if len(shape) == 1 else shape
        return FUNCTIONS[function](self, wanted)

    return method


def _with_axes(self: Tensor, *axes: Any) -> Any:
    if len(axes) == 1 and (axes[0] is None or isinstance(axes[0], tuple | list)):
        return FUNCTIONS[np.transpose](self, axes[0])
    return FUNCTIONS[np.transpose](self, axes or None)


install()
