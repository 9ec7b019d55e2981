"""Normalisation layers. gamma scales and beta shifts (PyTorch: `weight` and `bias`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..arrays import Array
from ..engine.tensors import Tensor, tensor
from ..errors import ShapeError, UsageError
from ..ops import normalization
from .parameters import STATE


@dataclass(eq=False)
class BatchNorm:
    """Normalise each channel over the batch: x (N, C) or (N, C, …); gamma and beta (C,).

    While training, the running averages move towards the batch's mean and variance by `momentum`,
    and by its *unbiased* variance, as PyTorch's do; evaluation uses them. CS231n's momentum is one
    minus this one, and its running variance is the biased one (`unbiased=False`).

    Source: Ioffe & Szegedy 2015, algorithms 1 and 2.
    """

    channels: int
    eps: float = 1e-5
    momentum: float = 0.1
    affine: bool = True
    unbiased: bool = True
    dtype: Any = np.float32
    training: bool = field(default=True, init=False, repr=False)
    gamma: Tensor | None = field(init=False, repr=False)
    beta: Tensor | None = field(init=False, repr=False)
    running_mean: Array = field(init=False, repr=False, metadata=STATE)
    running_variance: Array = field(init=False, repr=False, metadata=STATE)

    def __post_init__(self) -> None:
        self.gamma = tensor(np.ones(self.channels, self.dtype)) if self.affine else None
        self.beta = tensor(np.zeros(self.channels, self.dtype)) if self.affine else None
        self.running_mean = np.zeros(self.channels, self.dtype)
        self.running_variance = np.ones(self.channels, self.dtype)

    def __call__(self, x: Any) -> Any:
        if not self.training:
            return normalization.batch_norm_inference(
                x,
                self.gamma,
                self.beta,
                mean=self.running_mean,
                variance=self.running_variance,
                eps=self.eps,
            )
        if np.size(x) == 0:
            raise ShapeError(
                f"BatchNorm: x {np.shape(x)} is an empty batch, which has no mean; skip it, or "
                "call nn.evaluate first"
            )
        out = normalization.batch_norm(x, self.gamma, self.beta, eps=self.eps)
        self._move(np.asarray(x.value if isinstance(x, Tensor) else x))
        return out

    def _move(self, x: Array) -> None:
        mean, variance = normalization.batch_statistics(x)
        count = x.size // self.channels
        scale = count / (count - 1) if self.unbiased else 1.0
        keep, take = self.dtype_of(1 - self.momentum), self.dtype_of(self.momentum)
        self.running_mean = keep * self.running_mean + take * mean.astype(self.dtype)
        self.running_variance = keep * self.running_variance + take * self.dtype_of(
            scale
        ) * variance.astype(self.dtype)

    def dtype_of(self, number: float) -> Any:
        """Return a number in the dtype of the layer, so that averages keep theirs."""
        return np.dtype(self.dtype).type(number)


@dataclass(eq=False)
class LayerNorm:
    """Normalise over the trailing axes `shape` of x (…, *shape); gamma and beta have that shape.

    Source: Ba, Kiros & Hinton 2016.
    """

    shape: int | tuple[int, ...]
    eps: float = 1e-5
    bias: bool = True
    dtype: Any = np.float32
    gamma: Tensor = field(init=False, repr=False)
    beta: Tensor | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.gamma = tensor(np.ones(self.shape, self.dtype))
        self.beta = tensor(np.zeros(self.shape, self.dtype)) if self.bias else None

    def __call__(self, x: Any) -> Any:
        return normalization.layer_norm(x, self.gamma, self.beta, eps=self.eps)


@dataclass(eq=False)
class GroupNorm:
    """Normalise each of `groups` groups of channels of each sample: x (N, C, …).

    Source: Wu & He 2018. CS231n's gamma and beta are (1, C, 1, 1).
    """

    groups: int
    channels: int
    eps: float = 1e-5
    dtype: Any = np.float32
    gamma: Tensor = field(init=False, repr=False)
    beta: Tensor = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.channels % self.groups:
            raise UsageError(
                f"GroupNorm: {self.channels} channels do not divide into {self.groups} groups"
            )
        self.gamma = tensor(np.ones(self.channels, self.dtype))
        self.beta = tensor(np.zeros(self.channels, self.dtype))

    def __call__(self, x: Any) -> Any:
        return normalization.group_norm(x, self.gamma, self.beta, groups=self.groups, eps=self.eps)


@dataclass(eq=False)
class InstanceNorm:
    """Normalise each channel of each sample over its positions: x (N, C, …).

    `affine` as in PyTorch: no gamma and beta unless asked for. Source: Ulyanov et al. 2016.
    """

    channels: int
    eps: float = 1e-5
    affine: bool = False
    dtype: Any = np.float32
    gamma: Tensor | None = field(init=False, repr=False)
    beta: Tensor | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.gamma = tensor(np.ones(self.channels, self.dtype)) if self.affine else None
        self.beta = tensor(np.zeros(self.channels, self.dtype)) if self.affine else None

    def __call__(self, x: Any) -> Any:
        return normalization.instance_norm(x, self.gamma, self.beta, eps=self.eps)


@dataclass(eq=False)
class RMSNorm:
    """Divide by the root mean square over the trailing axes `shape`, then scale by gamma.

    Source: Zhang & Sennrich 2019.
    """

    shape: int | tuple[int, ...]
    eps: float | None = None
    dtype: Any = np.float32
    gamma: Tensor = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.gamma = tensor(np.ones(self.shape, self.dtype))

    def __call__(self, x: Any) -> Any:
        return normalization.rms_norm(x, self.gamma, eps=self.eps)
