"""Plain NumPy on Tensors: operators, ufuncs, functions and ndarray's methods, all by table."""

from __future__ import annotations

import difflib
import inspect
import operator
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ..errors import InPlaceError, UnsupportedError
from ..ops import arithmetic, indexing, products
from ..ops.protocol import OPS
from .modes import recording
from .numpy_functions import CONSTANT, FUNCTIONS, copy, refuse_out
from .recorder import recorder
from .tensors import Tensor, assign, strip

UFUNCS: dict[Any, Callable[..., Any]] = {
    ufunc: made
    for name, made in OPS.items()
    if isinstance(ufunc := getattr(np, name, None), np.ufunc)
}
for _name, _meant in {
    "matvec": lambda x1, x2: products.matmul(x1, x2[..., None])[..., 0],
    "vecmat": lambda x1, x2: products.matmul(x1[..., None, :], x2)[..., 0, :],
}.items():
    if hasattr(np, _name):  # NumPy ≥ 2.2
        UFUNCS[getattr(np, _name)] = _meant
UFUNCS |= {
    np.fabs: arithmetic.absolute,
    np.positive: lambda x: x,
    np.rint: arithmetic.round_,
    np.vecdot: lambda x1, x2: FUNCTIONS[np.sum](x1 * x2, axis=-1),
}
"""Ufunc to op: every op that bears a ufunc's name, and a few by hand."""

# fmt: off
CONSTANT_UFUNCS = {
    np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal,
    np.isnan, np.isinf, np.isfinite, np.signbit,
    np.logical_and, np.logical_or, np.logical_xor, np.logical_not,
    np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.invert,
}
# fmt: on
"""Ufuncs without a gradient: they see arrays and return arrays."""

# By meaning, where the spelling would lead astray.
NEAREST = {
    "accumulate": "np.cumsum",
    "arange": "np.zeros_like",
    "arctan2": "np.arctan",
    "array": "np.stack",
    "asarray": "np.stack",
    "at": "backsight.scatter",
    "average": "np.mean",
    "block": "np.concatenate",
    "choose": "np.where",
    "column_stack": "np.concatenate",
    "copyto": "np.where",
    "cumprod": "np.cumsum",
    "diag": "np.einsum",
    "diagonal": "np.trace",
    "divmod": "np.floor",
    "dstack": "np.stack",
    "fill_diagonal": "np.where",
    "float_power": "np.power",
    "floor_divide": "np.floor",
    "fmod": "np.floor",
    "heaviside": "np.where",
    "hypot": "np.sqrt",
    "insert": "np.concatenate",
    "kron": "np.outer",
    "logaddexp": "backsight.logsumexp",
    "median": "np.sort",
    "nan_to_num": "np.where",
    "nansum": "np.where",
    "ones": "np.ones_like",
    "percentile": "np.sort",
    "place": "np.where",
    "ptp": "np.max",
    "put": "np.where",
    "put_along_axis": "np.where",
    "putmask": "np.where",
    "quantile": "np.sort",
    "reduceat": "np.sum",
    "remainder": "np.floor",
    "rot90": "np.flip",
    "select": "np.where",
    "vdot": "np.dot",
    "zeros": "np.zeros_like",
}

_REDUCTIONS = {
    np.add: np.sum,
    np.multiply: np.prod,
    np.maximum: np.max,
    np.minimum: np.min,
}


def array_ufunc(self: Tensor, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
    """Answer `np.exp(t)`, `np.add.reduce(t)` and their kin."""
    refuse_out(f"np.{ufunc.__name__}", options.get("out"))
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
        return array_function(self, _REDUCTIONS[ufunc], (), inputs, {"axis": 0} | options)
    raise unsupported(f"np.{ufunc.__name__}" + (f".{method}" if method != "__call__" else ""))


def array_function(
    self: Tensor, function: Any, types: Iterable[type], args: Any, keywords: Any
) -> Any:
    """Answer `np.sum(t)`, `np.concatenate([t, u])` and their kin."""
    meant = FUNCTIONS.get(function)
    if meant is not None:
        refuse_out(called(function), keywords.get("out"))
        keywords = {k: v for k, v in keywords.items() if k != "out" and v is not np._NoValue}
        try:
            return meant(*args, **keywords)
        except TypeError as error:
            if "unexpected keyword" not in str(error) and "positional arg" not in str(error):
                raise
            takes = [name for name in inspect.signature(meant).parameters if name != "out"]
            raise UnsupportedError(
                f"{called(function)} on a Tensor {str(error).split('() ')[-1]}; "
                f"it takes {', '.join(takes)}"
            ) from None
    if function in CONSTANT:
        refuse_out(called(function), keywords.get("out"))
        return function(*strip(args), **strip(keywords))
    raise unsupported(called(function))


def called(function: Any) -> str:
    """Return a NumPy function as one writes it: `np.linalg.norm`."""
    return f"np{function.__module__.removeprefix('numpy')}.{function.__name__}"


def unsupported(name: str) -> UnsupportedError:
    """Say that a NumPy call has no backward, and name the nearest that has one."""
    bare = name.rpartition(".")[2]
    known = {f.__name__: called(f) for f in FUNCTIONS}
    known |= {f.__name__: f"np.{f.__name__}" for f in UFUNCS}
    near = NEAREST.get(bare) or known[difflib.get_close_matches(bare, known, 1, cutoff=0.0)[0]]
    return UnsupportedError(
        f"{name} has no backward here; the nearest supported function is {near}. "
        "Use tensor.value for a constant, or write the op with @backsight.op"
    )


def _swapped(op: Any) -> Callable[[Any, Any], Any]:
    call = recorder(op, swapped=True)
    return call


def _in_place(symbol: str, op: Any) -> Callable[[Tensor, Any], Tensor]:
    def write(self: Tensor, other: Any) -> Tensor:
        if self.op is None and self.wanted:
            if recording.get():
                name = self.name or "w"
                raise InPlaceError(
                    f"`{name} {symbol} …` on a leaf that requires a gradient; inside no_grad() it "
                    f"updates the leaf, and so does {name}.value {symbol} …"
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
    symbols = dict(add="+=", sub="-=", mul="*=", truediv="/=", pow="**=", matmul="@=")
    for name, op in binary.items():
        # The recorder itself is the method: one call less for every operator.
        setattr(Tensor, f"__{name}__", recorder(op))
        setattr(Tensor, f"__r{name}__", _swapped(op))
        setattr(Tensor, f"__i{name}__", _in_place(symbols[name], op))
    for name, ufunc in _BY_UFUNC.items():
        setattr(Tensor, f"__{name}__", lambda self, other, f=ufunc: f(self, other))
        setattr(Tensor, f"__r{name}__", lambda self, other, f=ufunc: f(other, self))
    for name in ("gt", "ge", "lt", "le", "eq", "ne"):
        compare = getattr(operator, name)
        setattr(Tensor, f"__{name}__", _comparison(compare))
    plain: dict[str, Any] = {
        "__neg__": recorder(arithmetic.negative),
        "__pos__": lambda self: self,
        "__abs__": recorder(arithmetic.absolute),
        "__invert__": lambda self: np.invert(self),
        "__round__": lambda self, decimals=0: arithmetic.round_(self, decimals=decimals),
        "__getitem__": getitem,
        "__array_ufunc__": array_ufunc,
        "__array_function__": array_function,
        "T": property(lambda self: FUNCTIONS[np.transpose](self)),
        "mT": property(lambda self: FUNCTIONS[np.matrix_transpose](self)),
        "astype": lambda self, dtype, copy=True: arithmetic.astype(self, dtype=dtype),
        "reshape": _with_shape(np.reshape),
        "transpose": _with_axes,
        "flatten": lambda self: FUNCTIONS[np.ravel](self),
        "copy": copy,
        "dot": lambda self, other: products.dot(self, other),
    }
    for name, method in plain.items():
        setattr(Tensor, name, method)
    for name in _METHODS:
        setattr(Tensor, name, _method(name))


# fmt: off
_METHODS = [
    "sum", "mean", "max", "min", "var", "std", "prod", "cumsum", "clip", "squeeze", "ravel",
    "repeat", "swapaxes", "round", "take", "trace", "argmax", "argmin", "argsort", "any", "all",
    "nonzero",
]
# fmt: on
# Operators without an op: comparisons of masks, and refusals.
_BY_UFUNC = {
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
    "floordiv": np.floor_divide,
    "mod": np.remainder,
    "divmod": np.divmod,
}


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
    def method(self: Tensor, *shape: Any, **keywords: Any) -> Any:
        given = () if not shape else (shape[0] if len(shape) == 1 else shape,)
        return array_function(self, function, (), (self, *given), keywords)

    return method


def _with_axes(self: Tensor, *axes: Any) -> Any:
    if len(axes) == 1 and (axes[0] is None or isinstance(axes[0], tuple | list)):
        return FUNCTIONS[np.transpose](self, axes[0])
    return FUNCTIONS[np.transpose](self, axes or None)


install()
