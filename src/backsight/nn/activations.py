"""Activations as layers. Any function of one value is a layer, so `bs.relu` serves as well."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..engine.tensors import Tensor, tensor
from ..ops import activations, arithmetic


@dataclass(frozen=True)
class ReLU:
    """max(x, 0)."""

    def __call__(self, x: Any) -> Any:
        return activations.relu(x)


@dataclass(frozen=True)
class LeakyReLU:
    """X where it is positive, slope · x elsewhere."""

    slope: float = 0.01

    def __call__(self, x: Any) -> Any:
        return activations.leaky_relu(x, slope=self.slope)


@dataclass(eq=False)
class PReLU:
    """A leaky ReLU whose slope is learned: one, or one for each of the channels of x (N, C, …)."""

    channels: int = 1
    start: float = 0.25
    dtype: Any = np.float32
    slope: Tensor = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.slope = tensor(np.full(self.channels, self.start, self.dtype))

    def __call__(self, x: Any) -> Any:
        return activations.prelu(x, self.slope)


@dataclass(frozen=True)
class ELU:
    """X where it is positive, alpha (exp(x) − 1) elsewhere."""

    alpha: float = 1.0

    def __call__(self, x: Any) -> Any:
        return activations.elu(x, alpha=self.alpha)


@dataclass(frozen=True)
class Sigmoid:
    """1 / (1 + exp(-x))."""

    def __call__(self, x: Any) -> Any:
        return activations.sigmoid(x)


@dataclass(frozen=True)
class Tanh:
    """The hyperbolic tangent."""

    def __call__(self, x: Any) -> Any:
        return arithmetic.tanh(x)


@dataclass(frozen=True)
class GELU:
    """X · Φ(x), by erf or its tanh approximation."""

    approximate: str = "none"

    def __call__(self, x: Any) -> Any:
        return activations.gelu(x, approximate=self.approximate)


@dataclass(frozen=True)
class SiLU:
    """X · sigmoid(x)."""

    def __call__(self, x: Any) -> Any:
        return activations.silu(x)


@dataclass(frozen=True)
class Softmax:
    """exp(x) / Σ exp(x) along an axis. Not before `cross_entropy`, which has it inside."""

    axis: int = -1

    def __call__(self, x: Any) -> Any:
        return activations.softmax(x, axis=self.axis)
