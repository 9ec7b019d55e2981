"""Layers: dataclasses that hold parameters and call ops. They have no backward of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..engine.tensors import Tensor, tensor
from ..ops import activations, arithmetic, products
from . import init

Layer = Callable[[Any], Any]


@dataclass(eq=False)
class Linear:
    """The layer x @ w + b: x (…, D), w (D, M), b (M,).

    `w` begins as `start(shape, generator, dtype=dtype)` says (He by default), `b` at zero. Note
    that     PyTorch keeps its weight as (M, D).
    """

    inputs: int
    outputs: int
    generator: np.random.Generator = field(repr=False)
    bias: bool = True
    start: Callable[..., Any] = field(default=init.he_normal, repr=False)
    dtype: Any = np.float32
    w: Tensor = field(init=False, repr=False)
    b: Tensor | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.w = tensor(self.start((self.inputs, self.outputs), self.generator, dtype=self.dtype))
        self.b = tensor(np.zeros(self.outputs, self.dtype)) if self.bias else None

    def __call__(self, x: Any) -> Any:
        return products.linear(x, self.w, self.b)


@dataclass(eq=False, init=False)
class Sequential:
    """Layers one after the other. Any function of one value is a layer, so ops are: `bs.relu`."""

    layers: tuple[Layer, ...]

    def __init__(self, *layers: Layer) -> None:
        self.layers = layers

    def __call__(self, x: Any) -> Any:
        for layer in self.layers:
            x = layer(x)
        return x

    def __len__(self) -> int:
        return len(self.layers)

    def __getitem__(self, place: int) -> Layer:
        return self.layers[place]

    def __iter__(self) -> Iterator[Layer]:
        return iter(self.layers)


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
