"""From what was seen and heard to a Trace: leaves where they are first used, gradients in place."""

from __future__ import annotations

import ast
import dataclasses
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from ....chain import pulled
from ....engine.tape import summed_axes
from ....ops.protocol import OPS
from ....traces.calls import gives_several, is_call_of, texts_of
from ....traces.locations import assigned_name, locate
from ....traces.statistics import statistics
from ....traces.trace import Edge, Location, Node, Trace
from ..names import Names
from .records import Input, Leaf, Made, Operand

Gradients = dict[tuple[int, int], Any]
"""By the id of a value and the number of its output; of a tensor's id and −1 for leaves."""

_EXACT = {"linear", "conv1d", "conv2d", "conv_transpose1d", "conv_transpose2d", "rnn_cell",
          "gru_cell", "lstm_cell", "multi_head_attention"}  # fmt: skip
"""Ops of several inputs whose backward gives each its own shape."""


def build(
    order: list[Made],
    roots: list[Operand],
    gradients: Gradients,
    names: Names,
    modules: Mapping[int, str],
) -> Trace:
    """Return the trace of what `order` lists, given the gradients that were heard."""
    return Building(gradients, names, modules).trace(order, roots)


class Building:
    """Makes the nodes of one trace."""

    def __init__(self, gradients: Gradients, names: Names, modules: Mapping[int, str]) -> None:
        self.gradients = gradients
        self.names = names
        self.modules = modules
        self.nodes: list[Node] = []
        self.numbers: dict[int, int] = {}  # by the id of a Made, a Leaf, or a leaf's tensor
        self.inside: set[int] = set()

    def trace(self, order: list[Made], roots: list[Operand]) -> Trace:
        """Return the trace."""
        last = {each.call.place: each for each in order if not each.inside}
        for root in roots:
            if isinstance(root.source, Leaf):
                self._leaf(Input("", root.source, 0), "")
        for made in order:
            place = locate(*made.call.place) if made.call.place else None
            edges = self._edges(made, place)
            name = self._name(made, place, last.get(made.call.place) is made)
            self.numbers[id(made)] = len(self.nodes)
            if (made.inside or made.entwined) and made.wanted:
                self.inside.add(len(self.nodes))
            self.nodes.append(
                Node(
                    len(self.nodes),
                    made.op,
                    edges,
                    dict(made.attributes),
                    name,
                    self.modules.get(id(made.call.module), ""),
                    place,
                    made.value,
                    self._heard(made),
                )
            )
        self._pull()
        return Trace(tuple(finished(node) for node in self.nodes), "torch")

    def _edges(self, made: Made, place: Location | None) -> tuple[Edge, ...]:
        arguments = [each.argument for each in made.inputs]
        steps = [each for each in made.inputs if isinstance(each.source, Made)]
        whole = not made.inside and not any(
            isinstance(each.source, Made) and each.source.inside for each in steps
        )
        texts = ("",) * len(arguments)
        if whole and not made.op.startswith("torch:"):
            called = made.op if is_call_of(place, made.op) else made.call.name
            texts = texts_of(place, called, arguments)
        inputs = list(zip(arguments, made.inputs, texts, strict=True))
        if number_first(made, place):
            inputs = [(arguments[i], made.inputs[1 - i], texts[1 - i]) for i in range(2)]
        return tuple(
            Edge(argument, self._number(each, text), each.output) for argument, each, text in inputs
        )

    def _number(self, given: Input, text: str) -> int:
        known = self.numbers.get(id(given.source))
        return self._leaf(given, text) if known is None else known

    def _leaf(self, given: Input, text: str) -> int:
        """Return the number of a leaf; make its node where it is first used."""
        leaf = given.source
        assert isinstance(leaf, Leaf)
        tensor = leaf.tensor() if leaf.tensor is not None else None
        key = id(leaf) if tensor is None else id(tensor)
        if key not in self.numbers:
            kind = "constant"
            if leaf.wanted:
                kind = "parameter"
            elif np.ndim(leaf.value):
                kind = "input"
            name = self.names.of(tensor) if tensor is not None else ""
            if not name and re.fullmatch(r"[^\W\d][\w.]*(\[[^\]]*\])?", text):
                name = text
            number = self.numbers[key] = len(self.nodes)
            gradient = self.gradients.get((key, -1)) if leaf.wanted else None
            self.nodes.append(Node(number, kind, name=name, value=leaf.value, grad=gradient))
        self.numbers[id(leaf)] = self.numbers[key]
        return self.numbers[key]

    def _name(self, made: Made, place: Location | None, is_last: bool) -> str:
        if place is None or made.inside:
            return ""
        direct = is_call_of(place, made.op) or is_call_of(place, made.call.name)
        if direct or (is_last and not gives_several(place)):
            return assigned_name(place) or ""
        return ""

    def _heard(self, made: Made) -> Any:
        if made.inside or made.entwined:
            return None
        if not isinstance(made.value, tuple):
            return self.gradients.get((id(made), 0))
        found = tuple(self.gradients.get((id(made), i)) for i in range(len(made.value)))
        return found if any(each is not None for each in found) else None

    def _pull(self) -> None:
        """Work out the gradients inside calls, and the axes along which broadcasting is undone.

        PyTorch tells only of what enters and leaves a call.
        """
        added: dict[int, list[Any]] = {}
        blind: set[int] = set()  # of what they hand on we do not know a part
        for node in reversed(self.nodes):
            if node.id in self.inside and node.id in added and node.id not in blind:
                parts = tuple(added[node.id])
                node = dataclasses.replace(
                    node, grad=parts if isinstance(node.value, tuple) else parts[0]
                )
                self.nodes[node.id] = node
            within = any(edge.node in self.inside for edge in node.inputs)
            if node.grad is None or not (within or self._may_stretch(node)):
                continue
            found = pulled(Trace(tuple(self.nodes), "torch"), node, node.grad)
            if found is None:
                blind |= {edge.node for edge in node.inputs}
                continue
            edges = []
            for edge, gradient in zip(node.inputs, found, strict=True):
                shape = np.shape(self._value(edge))
                axes = () if gradient is None else summed_axes(np.shape(gradient), shape) or ()
                edges.append(dataclasses.replace(edge, summed_axes=axes))
                if edge.node in self.inside and gradient is not None:
                    whole = np.sum(gradient, axis=axes).reshape(shape) if axes else gradient
                    self._add(added, edge, whole)
            self.nodes[node.id] = dataclasses.replace(node, inputs=tuple(edges))

    def _may_stretch(self, node: Node) -> bool:
        """Tell whether an op may have stretched an argument through which a gradient flows."""
        op = OPS.get(node.op)
        if op is None or op.listed or node.op in _EXACT:
            return False
        if len(node.inputs) < 2:
            return node.op == "broadcast_to"
        shapes = {np.shape(self._value(edge)) for edge in node.inputs}
        return len(shapes) > 1

    def _value(self, edge: Edge) -> Any:
        value = self.nodes[edge.node].value
        return value[edge.output] if isinstance(value, tuple) else value

    def _add(self, added: dict[int, list[Any]], edge: Edge, gradient: Any) -> None:
        source = self.nodes[edge.node]
        count = len(source.value) if isinstance(source.value, tuple) else 1
        parts = added.setdefault(edge.node, [None] * count)
        before = parts[edge.output]
        parts[edge.output] = gradient if before is None else before + gradient


def number_first(made: Made, place: Location | None) -> bool:
    """Tell whether the user wrote `2 * x`: PyTorch is only told of `x * 2`."""
    if made.op not in ("add", "multiply") or place is None or made.inside:
        return False
    number = made.inputs[1].source
    if not isinstance(number, Leaf) or np.ndim(number.value):
        return False
    try:
        tree = ast.parse(place.expression.strip(), mode="eval").body
    except SyntaxError:
        return False
    left = tree.left if isinstance(tree, ast.BinOp) else None
    left = left.operand if isinstance(left, ast.UnaryOp) else left
    return isinstance(left, ast.Constant)


def finished(node: Node) -> Node:
    """Return a node with the statistics of its arrays, which are read-only from now on."""
    value, gradient = node.value, node.grad
    for array in (value, gradient):
        for each in array if isinstance(array, tuple) else (array,):
            if isinstance(each, np.ndarray):
                each.flags.writeable = False
    measured = value is not None and not isinstance(value, tuple)
    heard = gradient is not None and not isinstance(gradient, tuple)
    return dataclasses.replace(
        node,
        value_stats=statistics(value) if measured else None,
        grad_stats=statistics(gradient) if heard else None,
    )
