"""Convolutions and pooling: images are (N, C, H, W), signals (N, C, L), as in PyTorch and CS231n.

Lengths are one int, or one for each axis.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..engine.tensors import Tensor, tensor
from ..errors import UsageError
from ..ops import windows
from . import init

Lengths = int | tuple[int, ...]


def both(size: Lengths, axes: int) -> tuple[int, ...]:
    """Return a length for each axis."""
    return (size,) * axes if isinstance(size, int) else tuple(size)


@dataclass(eq=False)
class _Convolution:
    """What all four share: w (M, C/G, KH, KW), transposed (C, M/G, KH, KW), and b (M,).

    `w` begins as `start(shape, generator, dtype=dtype)` says (He by default), `b` at zero.
    """

    inputs: int
    outputs: int
    size: Lengths
    generator: np.random.Generator = field(repr=False)
    stride: Lengths = 1
    padding: Lengths = 0
    dilation: Lengths = 1
    groups: int = 1
    bias: bool = True
    start: Callable[..., Any] = field(default=init.he_normal, repr=False)
    dtype: Any = np.float32
    w: Tensor = field(init=False, repr=False)
    b: Tensor | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.inputs % self.groups or self.outputs % self.groups:
            raise UsageError(
                f"{type(self).__name__}: {self.inputs} channels in and {self.outputs} out do not "
                f"divide into {self.groups} groups"
            )
        self.w = tensor(self.start(self._shape(), self.generator, dtype=self.dtype))
        self.b = tensor(np.zeros(self.outputs, self.dtype)) if self.bias else None

    def _shape(self) -> tuple[int, ...]:
        return (self.outputs, self.inputs // self.groups, *both(self.size, self._axes))

    def _lengths(self) -> dict[str, Any]:
        return {
            "stride": self.stride,
            "padding": self.padding,
            "dilation": self.dilation,
            "groups": self.groups,
        }

    _axes = 2


class Conv2d(_Convolution):
    """Correlate x (N, C, H, W) with M learned windows: result (N, M, PH, PW)."""

    def __call__(self, x: Any) -> Any:
        return windows.conv2d(x, self.w, self.b, **self._lengths())


class Conv1d(_Convolution):
    """Correlate x (N, C, L) with M learned windows: result (N, M, P)."""

    _axes = 1

    def __call__(self, x: Any) -> Any:
        return windows.conv1d(x, self.w, self.b, **self._lengths())


@dataclass(eq=False)
class _Transposed(_Convolution):
    output_padding: Lengths = 0

    def _shape(self) -> tuple[int, ...]:
        return (self.inputs, self.outputs // self.groups, *both(self.size, self._axes))

    def _lengths(self) -> dict[str, Any]:
        return {**super()._lengths(), "output_padding": self.output_padding}


class ConvTranspose2d(_Transposed):
    """The transpose of Conv2d as a map, which widens: x (N, C, H, W), w (C, M/G, KH, KW)."""

    def __call__(self, x: Any) -> Any:
        return windows.conv_transpose2d(x, self.w, self.b, **self._lengths())


class ConvTranspose1d(_Transposed):
    """The transpose of Conv1d as a map, which widens: x (N, C, L), w (C, M/G, K)."""

    _axes = 1

    def __call__(self, x: Any) -> Any:
        return windows.conv_transpose1d(x, self.w, self.b, **self._lengths())


@dataclass(frozen=True)
class _Pool:
    size: Lengths
    stride: Lengths | None = None
    padding: Lengths = 0


class MaxPool2d(_Pool):
    """The largest number of each window; windows step by their own size unless told otherwise."""

    def __call__(self, x: Any) -> Any:
        return windows.max_pool2d(x, size=self.size, stride=self.stride, padding=self.padding)


class MaxPool1d(_Pool):
    """The largest number of each window of a signal."""

    def __call__(self, x: Any) -> Any:
        return windows.max_pool1d(x, size=self.size, stride=self.stride, padding=self.padding)


class AvgPool2d(_Pool):
    """The mean of each window, padding included, as in PyTorch."""

    def __call__(self, x: Any) -> Any:
        return windows.avg_pool2d(x, size=self.size, stride=self.stride, padding=self.padding)


class AvgPool1d(_Pool):
    """The mean of each window of a signal, padding included."""

    def __call__(self, x: Any) -> Any:
        return windows.avg_pool1d(x, size=self.size, stride=self.stride, padding=self.padding)


@dataclass(frozen=True)
class AdaptiveAvgPool2d:
    """The mean of each of `size` equal parts of the image: (N, C, H, W) to (N, C, *size)."""

    size: Lengths

    def __call__(self, x: Any) -> Any:
        return windows.adaptive_avg_pool2d(x, size=self.size)


@dataclass(frozen=True)
class AdaptiveMaxPool2d:
    """The largest number of each of `size` equal parts of the image."""

    size: Lengths

    def __call__(self, x: Any) -> Any:
        return windows.adaptive_max_pool2d(x, size=self.size)
