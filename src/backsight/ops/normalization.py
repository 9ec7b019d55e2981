"""Normalisation by batch, layer, instance and group, and dropout.

All but dropout have the same heart: x̂ = (x − mean) / std over some axes, then a scale and a shift.
What differs is the axes. The backward subtracts from dx̂ what moving the mean and stretching the
deviation would have undone: its own mean, and x̂ times its mean product with x̂.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays import Array, Shape
from ..errors import ShapeError, UsageError
from .protocol import op

__all__ = [
    "batch_norm",
    "batch_norm_inference",
    "batch_statistics",
    "dropout",
    "dropout_mask",
    "group_norm",
    "instance_norm",
    "layer_norm",
    "rms_norm",
]


def batch_axes(ndim: int) -> int | tuple[int, ...]:
    """Return every axis but that of the channels.

    >>> batch_axes(2), batch_axes(4)
    (0, (0, 2, 3))
    """
    return 0 if ndim == 2 else (0, *range(2, ndim))


def per_channel(shape: Shape) -> Shape:
    """Return the shape in which one number per channel broadcasts with `shape` (N, C, …).

    >>> per_channel((32, 3, 8, 8))
    (1, 3, 1, 1)
    """
    return (1, shape[1], *(1,) * (len(shape) - 2))


def trailing_axes(count: int) -> tuple[int, ...]:
    """Return the last `count` axes: (-2, -1) for two."""
    return tuple(range(-count, 0))


def machine_epsilon(dtype: Any) -> float:
    """Return the spacing of numbers at 1; for float16 that of float32, as PyTorch takes it."""
    return float(np.finfo(np.promote_types(dtype, np.float32)).eps)


@op
def batch_norm(
    x: Array, gamma: Array | None = None, beta: Array | None = None, *, eps: float = 1e-5
) -> Array:
    """Normalise each channel over the batch, then scale and shift it: training mode.

    x (N, C) or (N, C, …); gamma and beta (C,), or None for 1 and 0. The variance is the biased one.
    `batch_statistics` gives the mean and variance that were used; running averages are kept by the
    layer. Raises ShapeError where a channel has a single value, as PyTorch does: it would become
    beta whatever x is.

    Source: Ioffe & Szegedy 2015, algorithm 1.
    """
    axes = batch_axes(x.ndim)
    centred = x - np.mean(x, axis=axes, keepdims=True)
    inv_std = 1 / np.sqrt(np.mean(centred * centred, axis=axes, keepdims=True) + eps)
    x_hat = centred * inv_std
    scale = gamma if x.ndim == 2 or gamma is None else np.reshape(gamma, per_channel(x.shape))
    shift = beta if x.ndim == 2 or beta is None else np.reshape(beta, per_channel(x.shape))
    scaled = x_hat if gamma is None else scale * x_hat
    return scaled if beta is None else scaled + shift


@batch_norm.backward
def batch_norm_backward(
    dout: Array, gamma: Array | None, scale: Array | None, x_hat: Array, inv_std: Array, axes: Any
) -> tuple[Array, Array, Array]:
    dgamma = np.sum(dout * x_hat, axis=axes)
    dbeta = np.sum(dout, axis=axes)
    dx_hat = dout if gamma is None else dout * scale
    along_mean = np.mean(dx_hat, axis=axes, keepdims=True)
    along_x_hat = x_hat * np.mean(dx_hat * x_hat, axis=axes, keepdims=True)
    dx = inv_std * (dx_hat - along_mean - along_x_hat)
    return dx, dgamma, dbeta


def batch_statistics(x: Array) -> tuple[Array, Array]:
    """Return mean and biased variance of each channel, as `batch_norm` uses them: two arrays (C,).

    PyTorch's running variance averages the unbiased one: count / (count − 1) times this, where
    count is the number of values per channel.
    """
    axes = batch_axes(x.ndim)
    return np.mean(x, axis=axes), np.var(x, axis=axes)


@op
def batch_norm_inference(
    x: Array,
    gamma: Array | None = None,
    beta: Array | None = None,
    *,
    mean: Array,
    variance: Array,
    eps: float = 1e-5,
) -> Array:
    """Normalise each channel by a given mean and variance, then scale and shift it.

    x (N, C) or (N, C, …); mean, variance, gamma and beta (C,). A constant mean and variance make
    this a linear map of x, so its backward has one term.
    """
    channel = per_channel(x.shape)
    centred = x - np.reshape(mean.astype(x.dtype), channel)
    inv_std = 1 / np.sqrt(np.reshape(variance.astype(x.dtype), channel) + eps)
    x_hat = centred * inv_std
    scale = gamma if x.ndim == 2 or gamma is None else np.reshape(gamma, channel)
    shift = beta if x.ndim == 2 or beta is None else np.reshape(beta, channel)
    scaled = x_hat if gamma is None else scale * x_hat
    return scaled if beta is None else scaled + shift


@batch_norm_inference.backward
def batch_norm_inference_backward(
    dout: Array, gamma: Array | None, scale: Array | None, x_hat: Array, inv_std: Array
) -> tuple[Array, Array, Array]:
    dgamma = np.sum(dout * x_hat, axis=batch_axes(dout.ndim))
    dbeta = np.sum(dout, axis=batch_axes(dout.ndim))
    dx_hat = dout if gamma is None else dout * scale
    dx = dx_hat * inv_std
    return dx, dgamma, dbeta


@op
def layer_norm(
    x: Array, gamma: Array | None = None, beta: Array | None = None, *, eps: float = 1e-5
) -> Array:
    """Normalise over the trailing axes that gamma covers, then scale and shift.

    x (…, D) with gamma and beta (D,), or x (…, A, B) with both (A, B). Without them: the last axis.

    Source: Ba, Kiros & Hinton 2016, equation 4.
    """
    covered = 1 if beta is None else beta.ndim
    axes = trailing_axes(covered if gamma is None else gamma.ndim)
    centred = x - np.mean(x, axis=axes, keepdims=True)
    inv_std = 1 / np.sqrt(np.mean(centred * centred, axis=axes, keepdims=True) + eps)
    x_hat = centred * inv_std
    scaled = x_hat if gamma is None else gamma * x_hat
    return scaled if beta is None else scaled + beta


@layer_norm.backward
def layer_norm_backward(
    dout: Array, gamma: Array | None, x_hat: Array, inv_std: Array, axes: tuple[int, ...]
) -> tuple[Array, Array, Array]:
    dgamma = dout * x_hat  # the walk sums over the axes that gamma does not have
    dbeta = dout
    dx_hat = dout if gamma is None else dout * gamma
    along_mean = np.mean(dx_hat, axis=axes, keepdims=True)
    along_x_hat = x_hat * np.mean(dx_hat * x_hat, axis=axes, keepdims=True)
    dx = inv_std * (dx_hat - along_mean - along_x_hat)
    return dx, dgamma, dbeta


@op
def instance_norm(
    x: Array, gamma: Array | None = None, beta: Array | None = None, *, eps: float = 1e-5
) -> Array:
    """Normalise each channel of each sample over its positions, then scale and shift it.

    x (N, C, …) with at least one axis of positions; gamma and beta (C,). Raises ShapeError where a
    channel has a single position.

    Source: Ulyanov, Vedaldi & Lempitsky 2016, equation 4.
    """
    axes = tuple(range(2, x.ndim))
    centred = x - np.mean(x, axis=axes, keepdims=True)
    inv_std = 1 / np.sqrt(np.mean(centred * centred, axis=axes, keepdims=True) + eps)
    x_hat = centred * inv_std
    scale = None if gamma is None else np.reshape(gamma, per_channel(x.shape))
    scaled = x_hat if gamma is None else scale * x_hat
    return scaled if beta is None else scaled + np.reshape(beta, per_channel(x.shape))


@instance_norm.backward
def instance_norm_backward(
    dout: Array,
    gamma: Array | None,
    scale: Array | None,
    x_hat: Array,
    inv_std: Array,
    axes: tuple[int, ...],
) -> tuple[Array, Array, Array]:
    dgamma = np.sum(dout * x_hat, axis=(0, *axes))
    dbeta = np.sum(dout, axis=(0, *axes))
    dx_hat = dout if gamma is None else dout * scale
    along_mean = np.mean(dx_hat, axis=axes, keepdims=True)
    along_x_hat = x_hat * np.mean(dx_hat * x_hat, axis=axes, keepdims=True)
    dx = inv_std * (dx_hat - along_mean - along_x_hat)
    return dx, dgamma, dbeta


def grouped_shape(shape: Shape, groups: int) -> Shape:
    """Return (N, G, C/G, …) for a shape (N, C, …)."""
    return (shape[0], groups, shape[1] // groups, *shape[2:])


@op
def group_norm(
    x: Array,
    gamma: Array | None = None,
    beta: Array | None = None,
    *,
    groups: int,
    eps: float = 1e-5,
) -> Array:
    """Normalise each group of channels of each sample, then scale and shift each channel.

    x (N, C, …), C divisible by `groups`; gamma and beta (C,). One group is layer norm over all but
    the batch, C groups are instance norm.

    Source: Wu & He 2018, equation 7.
    """
    axes = tuple(range(2, x.ndim + 1))
    grouped = np.reshape(x, grouped_shape(x.shape, groups))
    centred = grouped - np.mean(grouped, axis=axes, keepdims=True)
    inv_std = 1 / np.sqrt(np.mean(centred * centred, axis=axes, keepdims=True) + eps)
    grouped_hat = centred * inv_std
    x_hat = np.reshape(grouped_hat, x.shape)
    scale = None if gamma is None else np.reshape(gamma, per_channel(x.shape))
    scaled = x_hat if gamma is None else scale * x_hat
    return scaled if beta is None else scaled + np.reshape(beta, per_channel(x.shape))


@group_norm.backward
def group_norm_backward(
    dout: Array,
    x_shape: Shape,
    gamma: Array | None,
    scale: Array | None,
    x_hat: Array,
    grouped_hat: Array,
    inv_std: Array,
    axes: tuple[int, ...],
    groups: int,
) -> tuple[Array, Array, Array]:
    dgamma = np.sum(dout * x_hat, axis=batch_axes(len(x_shape)))
    dbeta = np.sum(dout, axis=batch_axes(len(x_shape)))
    dx_hat = dout if gamma is None else dout * scale
    dgrouped_hat = np.reshape(dx_hat, grouped_shape(x_shape, groups))
    along_mean = np.mean(dgrouped_hat, axis=axes, keepdims=True)
    along_hat = grouped_hat * np.mean(dgrouped_hat * grouped_hat, axis=axes, keepdims=True)
    dgrouped = inv_std * (dgrouped_hat - along_mean - along_hat)
    dx = np.reshape(dgrouped, x_shape)
    return dx, dgamma, dbeta


@op
def rms_norm(x: Array, gamma: Array | None = None, *, eps: float | None = None) -> Array:
    """Divide by the root mean square over the trailing axes that gamma covers, then scale.

    x (…, D), gamma (D,); without gamma: the last axis. `eps=None` is PyTorch's default, the spacing
    of float numbers at 1 (1.2e-7 in float32); published models set 1e-5 or 1e-6.

    Source: Zhang & Sennrich 2019, equation 4.
    """
    axes = trailing_axes(1 if gamma is None else gamma.ndim)
    least = machine_epsilon(x.dtype) if eps is None else eps
    inv_rms = 1 / np.sqrt(np.mean(x * x, axis=axes, keepdims=True) + least)
    x_hat = x * inv_rms
    return x_hat if gamma is None else gamma * x_hat


@rms_norm.backward
def rms_norm_backward(
    dout: Array, gamma: Array | None, x_hat: Array, inv_rms: Array, axes: tuple[int, ...]
) -> tuple[Array, Array]:
    dgamma = dout * x_hat  # the walk sums over the axes that gamma does not have
    dx_hat = dout if gamma is None else dout * gamma
    dx = inv_rms * (dx_hat - x_hat * np.mean(dx_hat * x_hat, axis=axes, keepdims=True))
    return dx, dgamma


@op
def dropout(x: Array, *, mask: Array) -> Array:
    """Multiply by a mask of 0 and 1/(1−p), so that the expected value stays: inverted dropout.

    `dropout_mask` draws one. The mask broadcasts to x: (N, C, 1, 1) drops whole channels.

    Source: Srivastava et al. 2014, section 4; the scaling in training is common practice.
    """
    return x * mask


@dropout.backward
def dropout_backward(dout: Array, mask: Array) -> Array:
    return dout * mask


def dropout_mask(
    shape: Shape, p: float, generator: np.random.Generator, dtype: Any = np.float64
) -> Array:
    """Draw a mask for `dropout`: 0 with probability p, else 1/(1−p).

    p is the probability to *drop*, as in PyTorch (CS231n's p keeps). Raises UsageError for a p
    outside 0 to 1, and without a Generator: a mask from hidden random state cannot be drawn again.
    """
    if not isinstance(generator, np.random.Generator):
        raise UsageError(
            "dropout_mask needs a NumPy Generator, np.random.default_rng(seed), so that a run can "
            f"be repeated; it was given {type(generator).__name__} {generator!r}"
        )
    if not 0 <= p <= 1:
        raise UsageError(f"dropout: p is the probability to drop, from 0 to 1; it is {p}")
    kept = generator.random(shape) >= p  # random() is below 1: p = 1 keeps nothing, p = 0 all
    return kept.astype(dtype) * (1 / (1 - p) if p < 1 else 0.0)


@dropout.check
def check_dropout(x: Array, mask: Array) -> None:
    """Refuse a mask that does not fit into x."""
    shape, given = np.shape(x), np.shape(mask)
    fits = len(given) <= len(shape) and all(
        m in (1, n) for m, n in zip(given[::-1], shape[::-1], strict=False)
    )
    if not fits:
        raise ShapeError(f"the mask {given} does not fit x {shape}")


def check_channels(x: Array, names: dict[str, Array | None]) -> None:
    """Raise ShapeError unless x is (N, C, …) and everything named is (C,)."""
    shape = np.shape(x)
    if len(shape) < 2:
        raise ShapeError(f"x {shape} must be (N, C) or (N, C, …)")
    for name, value in names.items():
        if value is not None and np.shape(value) != (shape[1],):
            raise ShapeError(
                f"{name} {np.shape(value)} must be ({shape[1]},), one number per channel of x "
                f"{shape}"
            )


@batch_norm.check
def check_batch_norm(x: Array, gamma: Array | None, beta: Array | None) -> None:
    """Refuse wrong channels, and a single value per channel."""
    check_channels(x, {"gamma": gamma, "beta": beta})
    if x.shape[1] and x.size == x.shape[1]:
        raise ShapeError(
            f"x {x.shape} has one value per channel, whose variance is 0; training needs more than "
            "one. Use a larger batch, or batch_norm_inference"
        )


@batch_norm_inference.check
def check_batch_norm_inference(
    x: Array, gamma: Array | None, beta: Array | None, mean: Array, variance: Array
) -> None:
    """Refuse wrong channels."""
    check_channels(x, {"gamma": gamma, "beta": beta, "mean": mean, "variance": variance})


@instance_norm.check
def check_instance_norm(x: Array, gamma: Array | None, beta: Array | None) -> None:
    """Refuse wrong channels, and a single position per channel."""
    check_channels(x, {"gamma": gamma, "beta": beta})
    if x.size and x.size == x.shape[0] * x.shape[1]:
        raise ShapeError(f"x {x.shape} has one position per channel, whose variance is 0")


@group_norm.check
def check_group_norm(x: Array, gamma: Array | None, beta: Array | None, groups: int) -> None:
    """Refuse wrong channels, and groups of unequal size."""
    check_channels(x, {"gamma": gamma, "beta": beta})
    if groups < 1 or x.shape[1] % groups:
        raise ShapeError(f"{x.shape[1]} channels do not fall into {groups} groups of equal size")


@layer_norm.check
@rms_norm.check
def check_trailing(x: Array, gamma: Array | None, beta: Array | None) -> None:
    """Refuse gamma and beta that are not the trailing axes of x."""
    shape = np.shape(x)
    for name, value in (("gamma", gamma), ("beta", beta)):
        given = () if value is None else np.shape(value)
        if value is not None and (not given or shape[-len(given) :] != given):
            raise ShapeError(f"{name} {given} must be the trailing axes of x {shape}")
    if gamma is not None and beta is not None and np.shape(gamma) != np.shape(beta):
        raise ShapeError(f"gamma {np.shape(gamma)} and beta {np.shape(beta)} differ")
    if not shape:
        raise ShapeError("x is a single number; its mean is itself")
