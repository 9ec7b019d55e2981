"""Arithmetic and activations of PyTorch in our ops."""

from __future__ import annotations

from typing import Any

import numpy as np

from .plans import Plan, converts, lengths_of, plain, require

_UNARY = {
    "abs": "absolute",
    "arctan": "arctan",
    "atan": "arctan",
    "ceil": "ceil",
    "cos": "cos",
    "cosh": "cosh",
    "erf": "erf",
    "exp": "exp",
    "exp2": "exp2",
    "expm1": "expm1",
    "floor": "floor",
    "hardsigmoid": "hard_sigmoid",
    "log": "log",
    "log10": "log10",
    "log1p": "log1p",
    "log2": "log2",
    "logsigmoid": "log_sigmoid",
    "neg": "negative",
    "negative": "negative",
    "reciprocal": "reciprocal",
    "relu": "relu",
    "relu6": "relu6",
    "selu": "selu",
    "sigmoid": "sigmoid",
    "sign": "sign",
    "silu": "silu",
    "sin": "sin",
    "sinh": "sinh",
    "sqrt": "sqrt",
    "square": "square",
    "tan": "tan",
    "tanh": "tanh",
    "trunc": "trunc",
}
_ALSO = {"absolute": "absolute", "log_sigmoid": "log_sigmoid", "expit": "sigmoid"}


def _unary(name: str) -> Any:
    def convert(do: Plan, input: Any, inplace: bool = False) -> Any:
        return do(name, input)

    return convert


for _theirs, _ours in (_UNARY | _ALSO).items():
    converts(_theirs)(_unary(_ours))


@converts("add", "radd")
def _add(do: Plan, input: Any, other: Any, *, alpha: Any = 1) -> Any:
    return do("add", input, other if alpha == 1 else do("multiply", other, alpha))


@converts("sub", "subtract")
def _sub(do: Plan, input: Any, other: Any, *, alpha: Any = 1) -> Any:
    return do("subtract", input, other if alpha == 1 else do("multiply", other, alpha))


@converts("rsub")
def _rsub(do: Plan, input: Any, other: Any) -> Any:
    return do("subtract", other, input)


@converts("mul", "multiply", "rmul")
def _mul(do: Plan, input: Any, other: Any) -> Any:
    return do("multiply", input, other)


@converts("div", "divide", "true_divide", "truediv")
def _div(do: Plan, input: Any, other: Any, *, rounding_mode: Any = None) -> Any:
    require(rounding_mode is None)
    return do("divide", input, other)


@converts("rdiv", "rtruediv")
def _rdiv(do: Plan, input: Any, other: Any) -> Any:
    return do("divide", other, input)


@converts("pow", "float_power")
def _pow(do: Plan, input: Any, exponent: Any) -> Any:
    return do("power", input, exponent)


@converts("rpow")
def _rpow(do: Plan, input: Any, other: Any) -> Any:
    return do("power", other, input)


@converts("rsqrt")
def _rsqrt(do: Plan, input: Any) -> Any:
    return do("reciprocal", do("sqrt", input))


@converts("maximum")
def _maximum(do: Plan, input: Any, other: Any) -> Any:
    return do("maximum", input, other)


@converts("minimum")
def _minimum(do: Plan, input: Any, other: Any) -> Any:
    return do("minimum", input, other)


@converts("addcmul")
def _addcmul(do: Plan, input: Any, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Any:
    product = do("multiply", tensor1, tensor2)
    return do("add", input, product if value == 1 else do("multiply", product, value))


@converts("lerp")
def _lerp(do: Plan, input: Any, end: Any, weight: Any) -> Any:
    return do("add", input, do("multiply", weight, do("subtract", end, input)))


@converts("clamp", "clip")
def _clamp(do: Plan, input: Any, min: Any = None, max: Any = None) -> Any:
    return do("clip", input, low=plain(min), high=plain(max))


@converts("clamp_min")
def _clamp_min(do: Plan, input: Any, min: Any) -> Any:
    return do("clip", input, low=plain(min), high=None)


@converts("clamp_max")
def _clamp_max(do: Plan, input: Any, max: Any) -> Any:
    return do("clip", input, low=None, high=plain(max))


@converts("where")
def _where(do: Plan, condition: Any, input: Any, other: Any) -> Any:
    if plain(condition).dtype != bool:  # x.where(condition, other)
        condition, input = input, condition
    return do("where", input, other, condition=plain(condition))


@converts("masked_fill")
def _masked_fill(do: Plan, input: Any, mask: Any, value: Any) -> Any:
    return do("where", value, input, condition=plain(mask))


@converts("tril")
def _tril(do: Plan, input: Any, diagonal: int = 0) -> Any:
    kept = np.tril(np.ones(input.shape[-2:], dtype=bool), diagonal)
    return do("where", input, 0.0, condition=kept)


@converts("triu")
def _triu(do: Plan, input: Any, diagonal: int = 0) -> Any:
    kept = np.triu(np.ones(input.shape[-2:], dtype=bool), diagonal)
    return do("where", input, 0.0, condition=kept)


@converts("gelu")
def _gelu(do: Plan, input: Any, *, approximate: str = "none") -> Any:
    return do("gelu", input, approximate=approximate)


@converts("leaky_relu")
def _leaky_relu(do: Plan, input: Any, negative_slope: float = 0.01, inplace: bool = False) -> Any:
    return do("leaky_relu", input, slope=negative_slope)


@converts("prelu")
def _prelu(do: Plan, input: Any, weight: Any) -> Any:
    return do("prelu", input, weight)


@converts("elu")
def _elu(do: Plan, input: Any, alpha: float = 1.0, inplace: bool = False) -> Any:
    return do("elu", input, alpha=alpha)


@converts("softplus")
def _softplus(do: Plan, input: Any, beta: float = 1.0, threshold: float = 20.0) -> Any:
    return do("softplus", input, beta=beta, threshold=threshold)


@converts("hardtanh")
def _hardtanh(
    do: Plan, input: Any, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False
) -> Any:
    if (min_val, max_val) == (0.0, 6.0):
        return do("relu6", input)
    return do("hard_tanh", input, low=min_val, high=max_val)


@converts("hardswish")
def _hardswish(do: Plan, input: Any, inplace: bool = False) -> Any:
    return do("multiply", input, do("hard_sigmoid", input))


@converts("mish")
def _mish(do: Plan, input: Any, inplace: bool = False) -> Any:
    return do("multiply", input, do("tanh", do("softplus", input)))


@converts("softmax")
def _softmax(do: Plan, input: Any, dim: Any = None, dtype: Any = None, _stacklevel: int = 3) -> Any:
    require(dim is not None)
    return do("softmax", input, axis=lengths_of(dim))


@converts("log_softmax")
def _log_softmax(
    do: Plan, input: Any, dim: Any = None, dtype: Any = None, _stacklevel: int = 3
) -> Any:
    require(dim is not None)
    return do("log_softmax", input, axis=lengths_of(dim))


@converts("clone", "contiguous", "alias", "identity", "requires_grad", "cpu", "cuda")
def _same(do: Plan, input: Any, *rest: Any, **options: Any) -> Any:
    return input


@converts("to", "type", "type_as", "float", "double", "half", "bfloat16")
def _to(do: Plan, input: Any, *rest: Any, **options: Any) -> Any:
    (out,) = do.outs
    if np.asarray(input.value).dtype == out.dtype:
        return input
    return do("astype", input, dtype=out.dtype)
