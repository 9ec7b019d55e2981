"""How a call of PyTorch is said in our ops: a plan, which is believed only if the numbers agree."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ....ops.protocol import OPS
from .records import Call, Input, Leaf, Made, Operand

Converter = Callable[..., Any]

CONVERTERS: dict[str, Converter] = {}
"""By the name of PyTorch's function, without underscores at its ends."""

ULPS = 512
"""Units in the last place, of the largest number, that two ways to compute may differ by."""
NARROW = 8e-3  # the resolution of bfloat16, whose numbers come to us as float32


class Unknown(Exception):
    """A call cannot be said in our ops."""


def converts(*names: str) -> Callable[[Converter], Converter]:
    """Register a converter: it takes a Plan, then what PyTorch's function takes.

    Tensors come as Operands. It returns an Operand for the result, a list for several, with None
    for those that it cannot say.
    """

    def register(converter: Converter) -> Converter:
        for name in names:
            CONVERTERS[name] = converter
        return converter

    return register


class Plan:
    """The steps of one call. `outs` are the arrays that PyTorch computed, None where no float is.

    `nodes` are the nodes of PyTorch's graph that made them.
    """

    def __init__(self, call: Call, outs: Sequence[Any], nodes: Sequence[Any]) -> None:
        self.call = call
        self.outs = outs
        self.nodes = nodes
        self.made: list[Made] = []

    def __call__(self, name: str, *operands: Any, **attributes: Any) -> Any:
        """Take one step: compute an op on operands; numbers become constants, None is left out."""
        op = OPS[name]
        given = [as_operand(each) for each in operands]
        values = [None if each is None else each.value for each in given]
        value = op.forward(*values, **attributes)
        inputs = tuple(
            Input(argument, each.source, each.output)
            for argument, each in zip(op.names_of(len(given)), given, strict=True)
            if each is not None
        )
        full = {**op.attributes, **attributes}
        made = Made(op.name, inputs, full, value, self.call, inside=True)
        self.made.append(made)
        if isinstance(value, tuple):
            return [Operand(made, i) for i in range(len(value))]
        return Operand(made)

    def agrees(self, found: Sequence[Operand | None], tolerances: Sequence[float]) -> bool:
        """Tell whether our numbers are PyTorch's."""
        return all(
            each is None or (out is not None and near(each.value, out, tolerance))
            for each, out, tolerance in zip(found, self.outs, tolerances, strict=True)
        )


def as_operand(value: Any) -> Operand | None:
    """Return what a step takes in; a number is a constant of its own."""
    if value is None or isinstance(value, Operand):
        return value
    if isinstance(value, bool | int | float | complex | np.ndarray):
        return Operand(Leaf(value))
    raise Unknown(type(value).__name__)


def near(own: Any, other: Any, tolerance: float) -> bool:
    """Tell whether two arrays are equal but for rounding, in proportion to the largest number."""
    own, other = np.asarray(own), np.asarray(other)
    if own.shape != other.shape:
        return False
    if own.size == 0:
        return True
    finite = np.abs(other[np.isfinite(other)])
    largest = float(np.max(finite)) if finite.size else 0.0
    return bool(np.allclose(own, other, rtol=tolerance, atol=tolerance * largest, equal_nan=True))


def tolerance_of(dtype: Any, narrow: bool) -> float:
    """Return how far apart results may lie, relative to the largest."""
    if narrow:
        return 4 * NARROW
    return float(np.finfo(dtype).eps) * ULPS if np.issubdtype(dtype, np.floating) else 0.0


def axes_of(dim: Any) -> Any:
    """Return PyTorch's `dim` as our `axis`: all of them where it is none, or an empty list."""
    if dim is None or (isinstance(dim, list | tuple) and not dim):
        return None
    return tuple(int(d) for d in dim) if isinstance(dim, list | tuple) else int(dim)


def lengths_of(value: Any) -> Any:
    """Return a length for all axes, or one for each."""
    if isinstance(value, list | tuple):
        return tuple(int(v) for v in value)
    return int(value)


def several(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return numbers given one by one, or as one list: `view(2, 3)`, `view((2, 3))`."""
    if len(values) == 1 and isinstance(values[0], list | tuple):
        return tuple(values[0])
    return values


def same_size(shape: Sequence[int]) -> int:
    """Return how many elements a shape holds."""
    return math.prod(shape)


def plain(value: Any) -> Any:
    """Return an argument that may be an Operand as the array that it holds."""
    return value.value if isinstance(value, Operand) else value


def require(holds: bool) -> None:
    """Raise Unknown unless a call is of the kind that has a counterpart."""
    if not holds:
        raise Unknown
