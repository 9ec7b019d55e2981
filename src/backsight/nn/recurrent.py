"""Recurrent layers: cells that take one step, and networks that take them along a sequence.

Sequences are (N, T, D), the batch first, as in CS231n (PyTorch: `batch_first=True`). Weights are
(D, M), the transpose of PyTorch's; its two biases and its order of gates are kept, so that
`weight_hh_l0.T` is `w_hh` here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from ..engine.tensors import Tensor, tensor
from ..errors import ShapeError, UsageError
from ..ops import sequences, shapes
from . import init
from .layers import Dropout


@dataclass(eq=False)
class _Cell:
    """What all cells share. Parameters begin uniformly within ±1/√H, as PyTorch's do."""

    inputs: int
    hidden: int
    generator: np.random.Generator = field(repr=False)
    bias: bool = True
    start: Callable[..., Any] | None = field(default=None, repr=False)
    dtype: Any = np.float32
    w_ih: Tensor = field(init=False, repr=False)
    w_hh: Tensor = field(init=False, repr=False)
    b_ih: Tensor | None = field(init=False, repr=False)
    b_hh: Tensor | None = field(init=False, repr=False)

    gates: ClassVar[int] = 1

    def __post_init__(self) -> None:
        width = self.gates * self.hidden
        self.w_ih = tensor(self._begun((self.inputs, width)))
        self.w_hh = tensor(self._begun((self.hidden, width)))
        self.b_ih = tensor(self._begun((width,))) if self.bias else None
        self.b_hh = tensor(self._begun((width,))) if self.bias else None

    def _begun(self, shape: tuple[int, ...]) -> Any:
        if self.start is not None and len(shape) == 2:
            return self.start(shape, self.generator, dtype=self.dtype)
        bound = self.hidden**-0.5
        return init.uniform(shape, self.generator, low=-bound, high=bound, dtype=self.dtype)

    def zero_state(self, count: int, dtype: Any) -> Any:
        """Return the state before the first step: zeros (N, H), for LSTM two of them."""
        return np.zeros((count, self.hidden), dtype)


@dataclass(eq=False)
class RNNCell(_Cell):
    """One step of a plain recurrent network: h = tanh(x w_ih + b_ih + h w_hh + b_hh).

    x (N, D), h (N, H). Source: Elman 1990. CS231n has one bias where PyTorch has two.
    """

    nonlinearity: str = "tanh"

    def __call__(self, x: Any, h: Any = None) -> Any:
        h = self.zero_state(np.shape(x)[0], self.dtype) if h is None else h
        return sequences.rnn_cell(
            x, h, self.w_ih, self.w_hh, self.b_ih, self.b_hh, nonlinearity=self.nonlinearity
        )


@dataclass(eq=False)
class LSTMCell(_Cell):
    """One step of a long short-term memory: (h, c) from x (N, D), h and c (N, H).

    Gates stand in the order i, f, g, o (CS231n: i, f, o, g). Source: Hochreiter & Schmidhuber 1997.
    """

    gates: ClassVar[int] = 4

    def __call__(self, x: Any, state: Any = None) -> tuple[Any, Any]:
        h, c = self.zero_state(np.shape(x)[0], self.dtype) if state is None else state
        h, c = sequences.lstm_cell(x, h, c, self.w_ih, self.w_hh, self.b_ih, self.b_hh)
        return h, c

    def zero_state(self, count: int, dtype: Any) -> Any:
        """Return zeros for h and c."""
        return np.zeros((count, self.hidden), dtype), np.zeros((count, self.hidden), dtype)


@dataclass(eq=False)
class GRUCell(_Cell):
    """One step of a gated recurrent unit: h from x (N, D), h (N, H); gates r, z, n.

    Source: Cho et al. 2014, with PyTorch's reset gate (`bs.gru_cell` says what differs).
    """

    gates: ClassVar[int] = 3

    def __call__(self, x: Any, h: Any = None) -> Any:
        h = self.zero_state(np.shape(x)[0], self.dtype) if h is None else h
        return sequences.gru_cell(x, h, self.w_ih, self.w_hh, self.b_ih, self.b_hh)


@dataclass(eq=False)
class _Recurrent(ABC):
    """Cells along a sequence, in `depth` layers, each in one or two directions."""

    inputs: int
    hidden: int
    generator: np.random.Generator = field(repr=False)
    depth: int = 1
    bidirectional: bool = False
    dropout: float = 0.0
    bias: bool = True
    start: Callable[..., Any] | None = field(default=None, repr=False)
    dtype: Any = np.float32
    cells: list[Any] = field(init=False, repr=False)
    drops: Dropout = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.depth < 1:
            raise UsageError(f"{type(self).__name__}: depth is {self.depth}; it must be ≥ 1")
        directions = 2 if self.bidirectional else 1
        widths = [self.inputs] + [directions * self.hidden] * (self.depth - 1)
        self.cells = [self._cell(width) for width in widths for _ in range(directions)]
        self.drops = Dropout(self.dropout, self.generator)

    @abstractmethod
    def _cell(self, inputs: int) -> Any:
        """Make one cell that reads so many features."""

    def _options(self) -> dict[str, Any]:
        return {"bias": self.bias, "start": self.start, "dtype": self.dtype}

    def __call__(self, x: Any, state: Any = None, *, lengths: Any = None) -> tuple[Any, Any]:
        shape = np.shape(x)
        name = type(self).__name__
        if len(shape) != 3 or shape[2] != self.inputs or shape[1] == 0:
            raise ShapeError(
                f"{name}: x {shape} must be (N, T, {self.inputs}) with at least one step: batch, "
                "time, features"
            )
        alive = _alive(name, lengths, shape)
        firsts = self._firsts(state, shape[0])
        lasts = []
        directions = 2 if self.bidirectional else 1
        steps = each_step(x)
        for place in range(self.depth):
            if place:
                steps = [self.drops(step) for step in steps]
            outs = []
            for i in range(place * directions, (place + 1) * directions):
                out, last = run(
                    self.cells[i], steps, firsts[i], alive, backward=bool(i % directions)
                )
                outs.append(out)
                lasts.append(last)
            steps = (
                outs[0]
                if directions == 1
                else [shapes.concatenate(*both, axis=1) for both in zip(*outs, strict=True)]
            )
        return shapes.stack(*steps, axis=1), self._lasts(lasts)

    def _firsts(self, state: Any, count: int) -> list[Any]:
        """Return the first state of each cell; `state` is (L, N, H), None for zeros."""
        if state is None:
            return [cell.zero_state(count, self.dtype) for cell in self.cells]
        wanted = (len(self.cells), count, self.hidden)
        if np.shape(state) != wanted:
            raise ShapeError(
                f"{type(self).__name__}: the state {np.shape(state)} must be {wanted}: cells, "
                "batch, hidden"
            )
        return [state[i] for i in range(len(self.cells))]

    def _lasts(self, lasts: list[Any]) -> Any:
        return shapes.stack(*lasts, axis=0)


@dataclass(eq=False)
class RNN(_Recurrent):
    """A plain recurrent network over x (N, T, D): out (N, T, H), last state (L, N, H).

    `depth` layers in one or two directions; see `LSTM` for the rest. Source: Elman 1990.
    """

    nonlinearity: str = "tanh"

    def _cell(self, inputs: int) -> Any:
        return RNNCell(
            inputs, self.hidden, self.generator, nonlinearity=self.nonlinearity, **self._options()
        )


@dataclass(eq=False)
class GRU(_Recurrent):
    """Gated recurrent units over x (N, T, D): out (N, T, H), last state (L, N, H).

    `depth` layers in one or two directions; see `LSTM` for the rest. Source: Cho et al. 2014.
    """

    def _cell(self, inputs: int) -> Any:
        return GRUCell(inputs, self.hidden, self.generator, **self._options())


@dataclass(eq=False)
class LSTM(_Recurrent):
    """Long short-term memories over x (N, T, D): out (N, T, H), last state a pair (h, c).

    `depth` layers, each in one or two directions: then out is (N, T, 2H), forward before backward.
    h and c are (L, N, H) for L cells, layer by layer, as in PyTorch. `lengths` (N,) says how many
    steps of each sequence count: beyond them the state stays and the output is zero, as with
    PyTorch's packed sequences. `dropout` stands between layers.

    Source: Hochreiter & Schmidhuber 1997.
    """

    def _cell(self, inputs: int) -> Any:
        return LSTMCell(inputs, self.hidden, self.generator, **self._options())

    def _firsts(self, state: Any, count: int) -> list[Any]:
        if state is None:
            return super()._firsts(None, count)
        if len(state) != 2:
            raise ShapeError(f"LSTM: the state is a pair (h, c), not {len(state)} values")
        return list(zip(*(super(LSTM, self)._firsts(part, count) for part in state), strict=True))

    def _lasts(self, lasts: list[Any]) -> Any:
        return tuple(shapes.stack(*parts, axis=0) for parts in zip(*lasts, strict=True))


def run(
    cell: Any, steps: list[Any], state: Any, alive: Any, *, backward: bool = False
) -> tuple[list[Any], Any]:
    """Take a cell along the steps, in time or against it; return all outputs and the last state."""
    outs: list[Any] = [None] * len(steps)
    order = range(len(steps))
    for t in reversed(order) if backward else order:
        after = cell(steps[t], state)
        if alive is not None and not alive[:, t].all():
            here = alive[:, t, None]
            after = _chosen(here, after, state)
        state = after
        out = state[0] if isinstance(state, tuple) else state
        if alive is not None:
            out = np.where(alive[:, t, None], out, np.zeros(np.shape(out), out.dtype))
        outs[t] = out
    return outs, state


def _chosen(here: Any, after: Any, before: Any) -> Any:
    if isinstance(after, tuple):
        return tuple(np.where(here, a, b) for a, b in zip(after, before, strict=True))
    return np.where(here, after, before)


def _alive(name: str, lengths: Any, shape: tuple[int, ...]) -> Any:
    """Return (N, T) booleans: which steps count. None where all do."""
    if lengths is None:
        return None
    lengths = np.asarray(lengths)
    if lengths.shape != shape[:1]:
        raise ShapeError(
            f"{name}: lengths {lengths.shape} must be ({shape[0]},), one for each sequence"
        )
    if lengths.dtype.kind not in "iu" or lengths.min() < 1 or lengths.max() > shape[1]:
        raise UsageError(
            f"{name}: lengths must be whole numbers from 1 to {shape[1]}, the steps of x; they go "
            f"from {lengths.min()} to {lengths.max()}"
        )
    return np.arange(shape[1]) < lengths[:, None]


def each_step(x: Any) -> list[Any]:
    """Return x[:, 0], x[:, 1], … of x (N, T, D).

    By halves: the backward of a slice fills an array of its parent's size, so that T slices of x
    itself would cost T² where this costs T log T.
    """
    count = np.shape(x)[1]
    if count == 1 or not isinstance(x, Tensor):
        return [x[:, t] for t in range(count)]
    half = count // 2
    parts = (x[:, :half], x[:, half:])
    return [step for part in parts for step in each_step(part)]
