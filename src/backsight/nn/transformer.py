"""Attention layers and the blocks of a transformer. The batch comes first: (N, T, D).

A mask says True where a query *may attend*; it broadcasts to (N, heads, T, S). PyTorch's modules
say the opposite (`~mask`), its functional form the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..engine.tensors import Tensor, tensor
from ..errors import ShapeError, UsageError
from ..ops import activations, arithmetic, products, sequences
from . import init
from .layers import Dropout, Linear
from .normalization import LayerNorm


@dataclass(eq=False)
class MultiHeadAttention:
    """Attend in `heads` heads of E/heads features each: queries (N, T, E), result (N, T, E).

    Keys and values (N, S, E) are the queries themselves unless given. Projections begin as Xavier
    uniform, biases at zero. `dropout` drops attention weights, as in PyTorch and CS231n.

    Source: Vaswani et al. 2017, section 3.2.2.
    """

    features: int
    heads: int
    generator: np.random.Generator = field(repr=False)
    dropout: float = 0.0
    bias: bool = True
    start: Callable[..., Any] = field(default=init.xavier_uniform, repr=False)
    dtype: Any = np.float32
    w_q: Tensor = field(init=False, repr=False)
    w_k: Tensor = field(init=False, repr=False)
    w_v: Tensor = field(init=False, repr=False)
    w_o: Tensor = field(init=False, repr=False)
    b_q: Tensor | None = field(init=False, repr=False)
    b_k: Tensor | None = field(init=False, repr=False)
    b_v: Tensor | None = field(init=False, repr=False)
    b_o: Tensor | None = field(init=False, repr=False)
    drop: Dropout = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.features % self.heads:
            raise UsageError(
                f"MultiHeadAttention: {self.features} features do not divide into {self.heads} "
                "heads"
            )
        square = (self.features, self.features)
        for name in ("w_q", "w_k", "w_v", "w_o"):
            setattr(self, name, tensor(self.start(square, self.generator, dtype=self.dtype)))
        for name in ("b_q", "b_k", "b_v", "b_o"):
            setattr(self, name, tensor(np.zeros(self.features, self.dtype)) if self.bias else None)
        self.drop = Dropout(self.dropout, self.generator)

    def __call__(
        self, q: Any, k: Any = None, v: Any = None, *, mask: Any = None, causal: bool = False
    ) -> Any:
        k = q if k is None else k
        v = k if v is None else v
        weights = (self.w_q, self.w_k, self.w_v, self.w_o)
        biases = (self.b_q, self.b_k, self.b_v, self.b_o)
        if self.drop.training and self.drop.p:
            return self._dropping(q, k, v, mask, causal)
        return sequences.multi_head_attention(
            q, k, v, *weights, *biases, heads=self.heads, mask=mask, causal=causal
        )

    def _dropping(self, q: Any, k: Any, v: Any, mask: Any, causal: bool) -> Any:
        """Attend in single ops, since the one op drops nothing."""
        given = ((q, self.w_q, self.b_q), (k, self.w_k, self.b_k), (v, self.w_v, self.b_v))
        q, k, v = (
            sequences.split_heads(products.linear(*each), heads=self.heads) for each in given
        )
        scale = (self.features // self.heads) ** -0.5
        scores = arithmetic.multiply(products.matmul(q, np.swapaxes(k, -1, -2)), scale)
        p = self.drop(sequences.masked_softmax(scores, mask=mask, causal=causal))
        return products.linear(sequences.join_heads(products.matmul(p, v)), self.w_o, self.b_o)


@dataclass(eq=False)
class _Block:
    """What encoder and decoder layers share."""

    features: int
    heads: int
    generator: np.random.Generator = field(repr=False)
    hidden: int = 2048
    dropout: float = 0.1
    activation: Callable[[Any], Any] = field(default=activations.relu, repr=False)
    norm_first: bool = False
    dtype: Any = np.float32
    attention: MultiHeadAttention = field(init=False, repr=False)
    first: Linear = field(init=False, repr=False)
    second: Linear = field(init=False, repr=False)
    norms: list[LayerNorm] = field(init=False, repr=False)
    drop: Dropout = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.attention = self._attention()
        self.first = Linear(self.features, self.hidden, self.generator, dtype=self.dtype)
        start = init.xavier_uniform
        self.second = Linear(
            self.hidden, self.features, self.generator, start=start, dtype=self.dtype
        )
        self.norms = [LayerNorm(self.features, dtype=self.dtype) for _ in range(self._parts)]
        self.drop = Dropout(self.dropout, self.generator)

    _parts = 2

    def _attention(self) -> MultiHeadAttention:
        return MultiHeadAttention(
            self.features, self.heads, self.generator, dropout=self.dropout, dtype=self.dtype
        )

    def _add(self, place: int, x: Any, part: Callable[[Any], Any]) -> Any:
        """Return x plus a part of it, normalised after the sum, or before the part."""
        norm = self.norms[place]
        if self.norm_first:
            return arithmetic.add(x, self.drop(part(norm(x))))
        return norm(arithmetic.add(x, self.drop(part(x))))

    def _feed_forward(self, x: Any) -> Any:
        return self.second(self.drop(self.activation(self.first(x))))


@dataclass(eq=False)
class TransformerEncoderLayer(_Block):
    """Self-attention, then a network of two layers, each added to its input and normalised.

    x (N, T, E). `norm_first` normalises before each part, as later models do. Source: Vaswani et
    al. 2017, section 3.1; Xiong et al. 2020 for the order.
    """

    def __call__(self, x: Any, *, mask: Any = None, causal: bool = False) -> Any:
        x = self._add(0, x, lambda x: self.attention(x, mask=mask, causal=causal))
        return self._add(1, x, self._feed_forward)


@dataclass(eq=False)
class TransformerDecoderLayer(_Block):
    """Self-attention, attention to a memory, then a network of two layers.

    x (N, T, E), memory (N, S, E); `causal` hides from each step what comes after it.
    """

    crossing: MultiHeadAttention = field(init=False, repr=False)
    _parts = 3

    def __post_init__(self) -> None:
        super().__post_init__()
        self.crossing = self._attention()

    def __call__(
        self, x: Any, memory: Any, *, mask: Any = None, memory_mask: Any = None, causal: bool = True
    ) -> Any:
        x = self._add(0, x, lambda x: self.attention(x, mask=mask, causal=causal))
        x = self._add(1, x, lambda x: self.crossing(x, memory, mask=memory_mask))
        return self._add(2, x, self._feed_forward)


@dataclass(eq=False)
class PositionalEncoding:
    """Add sines and cosines of the place to x (N, T, E), for up to `longest` places.

    Source: Vaswani et al. 2017, section 3.5.
    """

    features: int
    longest: int = 5000
    dtype: Any = np.float32

    def __post_init__(self) -> None:
        if self.features % 2:
            raise UsageError(f"PositionalEncoding: {self.features} features must be an even number")

    def __call__(self, x: Any) -> Any:
        _, steps, features = np.shape(x)
        if steps > self.longest or features != self.features:
            raise ShapeError(
                f"PositionalEncoding: x {np.shape(x)} must be (N, T, {self.features}) with T ≤ "
                f"{self.longest}"
            )
        return arithmetic.add(x, places(steps, features, self.dtype))


def places(steps: int, features: int, dtype: Any = np.float32) -> Any:
    """Return (T, E): sines of falling frequency in the even columns, cosines in the odd ones."""
    frequency = 10_000.0 ** (-np.arange(0, features, 2) / features)
    angle = np.arange(steps)[:, None] * frequency
    return np.stack([np.sin(angle), np.cos(angle)], axis=2).reshape(steps, features).astype(dtype)
