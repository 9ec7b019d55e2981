"""Products, convolutions, pools, normalisations and dropout of PyTorch in our ops."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays import array_of
from ..graph import plain_saved
from .plans import Plan, converts, lengths_of, plain, require
from .records import Operand


@converts("linear")
def _linear(do: Plan, input: Any, weight: Any, bias: Any = None) -> Any:
    return do("linear", input, do("transpose", weight, axes=None), bias)


@converts("matmul", "mm", "bmm", "mv")
def _matmul(do: Plan, input: Any, other: Any) -> Any:
    return do("matmul", input, other)


@converts("rmatmul")
def _rmatmul(do: Plan, input: Any, other: Any) -> Any:
    return do("matmul", other, input)


@converts("dot", "vdot", "inner")
def _dot(do: Plan, input: Any, other: Any) -> Any:
    require(input.ndim == 1)
    return do("dot", input, other)


@converts("outer", "ger")
def _outer(do: Plan, input: Any, vec2: Any) -> Any:
    return do("outer", input, vec2)


@converts("addmm", "addmv", "addbmm", "baddbmm")
def _addmm(do: Plan, input: Any, first: Any, second: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    require(do.call.name != "addbmm")
    product = do("matmul", first, second)
    product = product if alpha == 1 else do("multiply", product, alpha)
    return do("add", input if beta == 1 else do("multiply", input, beta), product)


@converts("einsum")
def _einsum(do: Plan, equation: Any, *operands: Any) -> Any:
    if len(operands) == 1 and isinstance(operands[0], list | tuple):
        operands = tuple(operands[0])
    require(isinstance(equation, str) and len(operands) <= 2)
    return do("einsum", *operands, spec=equation.replace(" ", ""))


def _convolved(
    do: Plan,
    name: str,
    input: Any,
    weight: Any,
    bias: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: int,
) -> Any:
    if padding == "valid":
        padding = 0
    elif padding == "same":
        lengths = weight.shape[2:]
        steps = (dilation,) * len(lengths) if isinstance(dilation, int) else dilation
        reach = [d * (k - 1) for d, k in zip(steps, lengths, strict=True)]
        require(all(each % 2 == 0 for each in reach))
        padding = [each // 2 for each in reach]
    return do(
        name,
        input,
        weight,
        bias,
        stride=_short(stride),
        padding=_short(padding),
        dilation=_short(dilation),
        groups=groups,
    )


def _short(lengths: Any) -> Any:
    """Say `1` for `[1, 1]`, as one writes it."""
    found = lengths_of(lengths)
    if isinstance(found, tuple) and len(set(found)) == 1:
        return found[0]
    return found


@converts("conv1d")
def _conv1d(
    do: Plan, input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0,
    dilation: Any = 1, groups: int = 1,
) -> Any:  # fmt: skip
    return _convolved(do, "conv1d", input, weight, bias, stride, padding, dilation, groups)


@converts("conv2d")
def _conv2d(
    do: Plan, input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0,
    dilation: Any = 1, groups: int = 1,
) -> Any:  # fmt: skip
    return _convolved(do, "conv2d", input, weight, bias, stride, padding, dilation, groups)


@converts("conv_transpose1d", "conv_transpose2d")
def _conv_transpose(
    do: Plan, input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0,
    output_padding: Any = 0, groups: int = 1, dilation: Any = 1,
) -> Any:  # fmt: skip
    return do(
        do.call.name,
        input,
        weight,
        bias,
        stride=_short(stride),
        padding=_short(padding),
        output_padding=_short(output_padding),
        dilation=_short(dilation),
        groups=groups,
    )


@converts("max_pool1d", "max_pool2d", "max_pool1d_with_indices", "max_pool2d_with_indices")
def _max_pool(
    do: Plan, input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0,
    dilation: Any = 1, ceil_mode: bool = False, return_indices: bool = False,
) -> Any:  # fmt: skip
    pooled = do(
        do.call.name.removesuffix("_with_indices"),
        input,
        size=_short(kernel_size),
        stride=None if stride in (None, [], ()) else _short(stride),
        padding=_short(padding),
        dilation=_short(dilation),
    )
    return [pooled, *[None] * (len(do.outs) - 1)]


@converts("avg_pool1d", "avg_pool2d")
def _avg_pool(
    do: Plan, input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0,
    ceil_mode: bool = False, count_include_pad: bool = True, divisor_override: Any = None,
) -> Any:  # fmt: skip
    require(divisor_override is None)
    return do(
        do.call.name,
        input,
        size=_short(kernel_size),
        stride=None if stride in (None, [], ()) else _short(stride),
        padding=_short(padding),
        count_include_pad=count_include_pad,
    )


@converts("adaptive_avg_pool2d", "adaptive_max_pool2d")
def _adaptive(do: Plan, input: Any, output_size: Any, return_indices: bool = False) -> Any:
    size = _sizes(output_size, input.shape[-2:])
    return [do(do.call.name, input, size=size), *[None] * (len(do.outs) - 1)]


@converts("adaptive_avg_pool1d", "adaptive_max_pool1d")
def _adaptive_1d(do: Plan, input: Any, output_size: Any, return_indices: bool = False) -> Any:
    (size,) = _sizes(output_size, input.shape[-1:])
    name = do.call.name.replace("1d", "2d")
    pooled = do(name, do("expand_dims", input, axis=-2), size=(1, size))
    return [do("squeeze", pooled, axis=-2), *[None] * (len(do.outs) - 1)]


def _sizes(asked: Any, lengths: tuple[int, ...]) -> tuple[int, ...]:
    given = asked if isinstance(asked, list | tuple) else (asked,) * len(lengths)
    return tuple(n if size is None else int(size) for size, n in zip(given, lengths, strict=True))


@converts("batch_norm")
def _batch_norm(
    do: Plan, input: Any, running_mean: Any = None, running_var: Any = None, weight: Any = None,
    bias: Any = None, training: bool = False, momentum: Any = 0.1, eps: float = 1e-5,
) -> Any:  # fmt: skip
    if training:
        return do("batch_norm", input, weight, bias, eps=eps)
    mean, variance = plain(running_mean), plain(running_var)
    return do("batch_norm_inference", input, weight, bias, mean=mean, variance=variance, eps=eps)


@converts("instance_norm")
def _instance_norm(
    do: Plan, input: Any, running_mean: Any = None, running_var: Any = None, weight: Any = None,
    bias: Any = None, use_input_stats: bool = True, momentum: Any = 0.1, eps: float = 1e-5,
) -> Any:  # fmt: skip
    require(use_input_stats)
    return do("instance_norm", input, weight, bias, eps=eps)


@converts("layer_norm")
def _layer_norm(
    do: Plan, input: Any, normalized_shape: Any, weight: Any = None, bias: Any = None,
    eps: float = 1e-5,
) -> Any:  # fmt: skip
    require(weight is not None or len(normalized_shape) == 1)
    return do("layer_norm", input, weight, bias, eps=eps)


@converts("group_norm")
def _group_norm(
    do: Plan, input: Any, num_groups: int, weight: Any = None, bias: Any = None,
    eps: float = 1e-5,
) -> Any:  # fmt: skip
    return do("group_norm", input, weight, bias, groups=num_groups, eps=eps)


@converts("rms_norm")
def _rms_norm(
    do: Plan, input: Any, normalized_shape: Any, weight: Any = None, eps: Any = None
) -> Any:
    require(len(normalized_shape) == 1)
    return do("rms_norm", input, weight, eps=eps)


@converts("normalize")
def _normalize(
    do: Plan, input: Any, p: float = 2.0, dim: Any = 1, eps: float = 1e-12, out: Any = None
) -> Any:
    norm = do("norm", input, ord=float(p), axis=lengths_of(dim), keepdims=True)
    return do("divide", input, do("clip", norm, low=eps, high=None))


@converts("embedding")
def _embedding(
    do: Plan, input: Any, weight: Any, padding_idx: Any = None, max_norm: Any = None,
    norm_type: float = 2.0, scale_grad_by_freq: bool = False, sparse: bool = False,
) -> Any:  # fmt: skip
    require(max_norm is None and not scale_grad_by_freq)
    padding = None if padding_idx is None or padding_idx < 0 else int(padding_idx)
    return do("embedding", weight, indices=plain(input), padding_index=padding)


@converts("dropout", "dropout1d", "dropout2d", "dropout3d", "feature_dropout", "alpha_dropout")
def _dropout(
    do: Plan, input: Any, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Any:
    if not training or p == 0:
        return input
    require(do.call.name != "alpha_dropout")
    return do("dropout", input, mask=_mask(do, input, p))


def _mask(do: Plan, input: Operand, p: float) -> Any:
    """Return what was multiplied with: as PyTorch keeps it, or output by input."""
    noise = plain_saved(do.nodes[0], "other")
    if noise is not None:
        found = array_of(noise)
        return np.array(np.broadcast_to(found, np.broadcast_shapes(found.shape, input.shape)))
    kept = plain_saved(do.nodes[0], "result1")
    if kept is not None:
        return array_of(kept) / input.value.dtype.type(1 - p)
    require(bool(np.all(input.value != 0)))
    return do.outs[0] / input.value
