"""What is kept of a forward pass as it runs: leaves, values that were made, and by which call."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from ..calls import Instruction

_numbers = itertools.count()


@dataclass(eq=False)
class Leaf:
    """A value that no recorded call made: a parameter, data, a number."""

    value: Any
    tensor: weakref.ref[Any] | None = None
    wanted: bool = False


class Call(NamedTuple):
    """Who called PyTorch: the name of the function, the user's instruction, the modules around."""

    name: str
    place: Instruction | None
    module: weakref.ref[Any] | None


class Input(NamedTuple):
    """One argument of what was made: its name, and which output of what it is."""

    argument: str
    source: Leaf | Made
    output: int


@dataclass(eq=False)
class Made:
    """A value of the pass and the op that computes it. With several outputs `value` is a tuple.

    `inside` is a step of a call of which PyTorch has only the result: `w.T` in `F.linear(x, w)`.
    Outputs are `entwined` where PyTorch computes one from the other: h from c in an LSTM's cell, so
    that what arrives there at c is more than what the users of c hand back.
    """

    op: str
    inputs: tuple[Input, ...]
    attributes: Mapping[str, Any]
    value: Any
    call: Call
    inside: bool = False
    entwined: bool = False
    number: int = field(default_factory=lambda: next(_numbers))

    @property
    def wanted(self) -> bool:
        """Whether a gradient flows through it."""
        return not self.inside or any(each.source.wanted for each in self.inputs)


class Operand:
    """A value as converters handle it: output `output` of a source."""

    def __init__(self, source: Leaf | Made, output: int = 0) -> None:
        self.source = source
        self.output = output

    @property
    def value(self) -> Any:
        """The number or array itself."""
        value = self.source.value
        return value[self.output] if isinstance(value, tuple) else value

    @property
    def shape(self) -> tuple[int, ...]:
        """The lengths of its axes."""
        return np.shape(self.value)

    @property
    def ndim(self) -> int:
        """How many axes it has."""
        return len(self.shape)


class Outputs(dict[int, tuple[Operand, bool]]):
    """What the outputs of one node of PyTorch's graph are, by their number there.

    The flag says whether the gradient that arrives at the node is that of the value: not if the
    node only hands on (`clone`) what has a node of its own.
    """

    __slots__ = ("__weakref__",)
    __hash__ = object.__hash__  # type: ignore[assignment]
