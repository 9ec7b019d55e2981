"""One forward and backward pass as frozen data: `Trace`, `Node`, `Edge`, `Location`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..arrays import Array
from .statistics import Statistics

LEAVES = ("parameter", "input", "constant")


@dataclass(frozen=True, slots=True)
class Location:
    """Where in the user's program a value is computed.

    `line` and `column` count from 1, columns in characters; `end_column` is one past the last
    character. `expression` is the exact source of the sub-expression, `function` the qualified name
    of the function that holds it (`<module>` at top level).
    """

    file: str
    line: int
    end_line: int
    column: int
    end_column: int
    expression: str
    function: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Edge:
    """One argument of a node: `argument` of the op is output `output` of node `node`.

    `summed_axes` are the axes of the gradient that un-broadcasting summed, counted in the node's
    output, because the forward stretched the argument along them.
    """

    argument: str
    node: int
    output: int = 0
    summed_axes: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False, slots=True)
class Node:
    """One value of the pass, with the op that made it and the gradient that reached it.

    `op` is a name from the op table, `torch:<name>` for an op that has no counterpart there, or one
    of `parameter`, `input`, `constant` for a leaf. `value` and `grad` are None where statistics
    alone were kept; for an op of several outputs both are tuples. `attributes` are the keyword
    arguments of the op. `name` is the user's name for the value (a variable or a parameter), "" if
    unknown; `module` is the path of the layer that computed it, "" outside any.
    """

    id: int
    op: str
    inputs: tuple[Edge, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""
    module: str = ""
    where: Location | None = None
    value: Array | tuple[Array, ...] | None = None
    grad: Array | tuple[Array | None, ...] | None = None
    value_stats: Statistics | None = None
    grad_stats: Statistics | None = None

    @property
    def is_leaf(self) -> bool:
        """True for parameters, inputs and constants: values that no op of the trace computed."""
        return self.op in LEAVES


@dataclass(frozen=True, eq=False, slots=True)
class Trace:
    """One forward and backward pass: its nodes in order of computation.

    The reverse of that order is the order of the backward walk. `nodes[i].id == i`. `source` says
    who recorded it (`engine` or `torch`).
    """

    nodes: tuple[Node, ...]
    source: str = "engine"

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)

    def __len__(self) -> int:
        return len(self.nodes)

    def __getitem__(self, id: int) -> Node:
        return self.nodes[id]

    @property
    def loss(self) -> Node:
        """The node that the backward pass started from: the last one."""
        return self.nodes[-1]

    def parameters(self) -> tuple[Node, ...]:
        """Return the trainable leaves, in order of first use."""
        return tuple(node for node in self.nodes if node.op == "parameter")

    def named(self, name: str) -> Node:
        """Return the node that the user calls `name` (the last one, where several share it).

        Raises KeyError, listing the names there are.
        """
        for node in reversed(self.nodes):
            if node.name == name:
                return node
        known = ", ".join(dict.fromkeys(node.name for node in self.nodes if node.name)) or "none"
        raise KeyError(f"no value named {name!r} in this trace; names: {known}")
