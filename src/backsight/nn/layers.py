"""Layers: dataclasses that hold parameters and call ops. They have no backward of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..engine.tensors import Tensor, tensor
from ..errors import UsageError
from ..ops import arithmetic, indexing, normalization, products, shapes
from . import init

Layer = Callable[[Any], Any]


@dataclass(eq=False)
class Linear:
    """The layer x @ w + b: x (…, D), w (D, M), b (M,).

    `w` begins as `start(shape, generator, dtype=dtype)` says (He by default), `b` at zero. PyTorch
    keeps the transpose, (M, D), and begins uniformly within ±1/√D.
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


@dataclass(eq=False)
class Embedding:
    """One row of w (V, D) for each index: indices (…), result (…, D).

    `w` begins as standard normal numbers. The row of `padding_index` is zero and gets no gradient.
    """

    count: int
    features: int
    generator: np.random.Generator = field(repr=False)
    padding_index: int | None = None
    start: Callable[..., Any] = field(default=init.normal, repr=False)
    dtype: Any = np.float32
    w: Tensor = field(init=False, repr=False)

    def __post_init__(self) -> None:
        rows = self.start((self.count, self.features), self.generator, dtype=self.dtype)
        if self.padding_index is not None:
            rows[self.padding_index] = 0
        self.w = tensor(rows)

    def __call__(self, indices: Any) -> Any:
        return indexing.embedding(self.w, indices=indices, padding_index=self.padding_index)


@dataclass(eq=False)
class Dropout:
    """Drop each number with probability p while training and scale the rest by 1/(1−p).

    p is the probability to *drop*, as in PyTorch; CS231n's p is the probability to keep. Raises
    UsageError for a p outside 0 to 1.
    """

    p: float
    generator: np.random.Generator = field(repr=False)
    training: bool = field(default=True, init=False, repr=False)

    def __post_init__(self) -> None:
        if not 0 <= self.p <= 1:
            raise UsageError(f"Dropout: p is the probability to drop, from 0 to 1; it is {self.p}")

    def __call__(self, x: Any) -> Any:
        if not self.training or self.p == 0:
            return x
        shape, dtype = np.shape(x), getattr(x, "dtype", np.float64)
        mask = normalization.dropout_mask(shape, self.p, self.generator, dtype)
        return normalization.dropout(x, mask=mask)


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


@dataclass(eq=False)
class Residual:
    """X + layer(x), or shortcut(x) + layer(x): the sum hands the gradient to both unchanged.

    Source: He et al. 2016, equation 1.
    """

    layer: Layer
    shortcut: Layer | None = None

    def __call__(self, x: Any) -> Any:
        return arithmetic.add(x if self.shortcut is None else self.shortcut(x), self.layer(x))


@dataclass(frozen=True)
class Flatten:
    """All axes after the first in one: (N, C, H, W) to (N, C·H·W)."""

    def __call__(self, x: Any) -> Any:
        shape = np.shape(x)
        return shapes.reshape(x, shape=(shape[0], int(np.prod(shape[1:]))))
