"""What a derivation calls the values of a trace.

The user's names first. An unnamed value that is used once and is short is called by what it is,
`y − a`; the argument of an activation is z, the loss C; what is left gets u₁, u₂, …
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..chain import value_of
from ..traces.trace import Node, Trace
from .bodies import computed
from .formulas import ATOM, SUM, Formula, numbers, symbol

ACTIVATIONS = (
    "sigmoid", "tanh", "relu", "leaky_relu", "elu", "gelu", "silu", "softplus", "softmax",
)  # fmt: skip
SHORT = 24  # characters of an expression that may stand as a name


class Symbols:
    """The formula that stands for each node, and the one that says what it is."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.meaning: dict[int, Formula] = {}
        self._of: dict[int, Formula] = {}
        self._used: set[str] = {node.name for node in trace if node.name}
        self._counts: dict[str, int] = {}
        uses: dict[int, list[str]] = {}
        for node in trace:
            for edge in node.inputs:
                uses.setdefault(edge.node, []).append(node.op)
        self.uses = uses
        for node in trace:
            self._of[node.id] = self._leaf(node) if node.is_leaf else self._value(node)

    def of(self, node: Node | int) -> Formula:
        """Return the symbol of a node."""
        return self._of[node if isinstance(node, int) else node.id]

    def is_inlined(self, node: Node) -> bool:
        """Tell whether a value is called by what it is, and needs no line of its own."""
        return node.id in self.meaning and self._of[node.id] == self.meaning[node.id]

    def inputs(self, node: Node) -> dict[str, Formula]:
        """Return the symbols of a node's arguments by name."""
        return {edge.argument: self.of(edge.node) for edge in node.inputs}

    def values(self, node: Node) -> dict[str, Any]:
        """Return the values of a node's arguments by name."""
        return {edge.argument: value_of(self.trace, edge) for edge in node.inputs}

    def _leaf(self, node: Node) -> Formula:
        if node.name:
            return symbol(node.name)
        if node.value is not None and np.size(node.value) == 1 and np.ndim(node.value) == 0:
            return numbers(np.asarray(node.value))
        return self._new({"parameter": "w", "input": "x"}.get(node.op, "k"))

    def _value(self, node: Node) -> Formula:
        meaning = computed(node, self.inputs(node), self.values(node))
        self.meaning[node.id] = meaning
        if node.name:
            return symbol(node.name)
        if node is self.trace.loss:
            return self._new("C")
        taken = self.uses.get(node.id, [])
        if any(op in ACTIVATIONS for op in taken):
            return self._new("z")
        if len(taken) == 1 and len(meaning.text) <= SHORT:
            return meaning
        return self._new("u", always=True)

    def _new(self, stem: str, always: bool = False) -> Formula:
        """Return the next free symbol of a stem: z, then z₂; with `always` u₁ from the first."""
        while True:
            count = self._counts[stem] = self._counts.get(stem, 0) + 1
            name = stem if count == 1 and not always else f"{stem}{count}"
            if name not in self._used:
                self._used.add(name)
                return symbol(name)


def grouped(part: Formula) -> Formula:
    """Return a formula that can stand behind ∂ without being misread."""
    if part.binding >= ATOM:
        return part
    return Formula(f"({part.text})", rf"\left({part.latex}\right)", ATOM)


def is_sum(part: Formula) -> bool:
    """Tell whether a formula is a sum, which stands in parentheses in a product."""
    return part.binding == SUM
