"""`derive(trace)`: the chain rule of one pass worked by hand, symbols first, then numbers."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ..arrays import Array
from ..chain import contributions, local, wanted
from ..errors import UsageError
from ..pages.blocks import Block, Heading, Math, Prose
from ..pages.page import Page
from ..traces.trace import Edge, Node, Trace
from .bodies import handed
from .descent import update_blocks
from .formulas import Formula, derivative, number, numbers, symbol, times
from .phrases import ADDS, DOES, SUMMED
from .symbols import Symbols

MOST_STEPS = 40
"""Ops whose step is written out. A longer pass is followed along its heaviest path."""
HEAD, TAIL = 12, 6
"""How many steps of a longer path are written out, at its beginning and at its end."""


@dataclass(frozen=True, eq=False)
class Derivation:
    """A derivation. `.page()` is what it looks like, `.save(path)` writes it."""

    trace: Trace
    blocks: tuple[Block, ...]
    title: str

    def page(self) -> Page:
        """Return the derivation as a page."""
        return Page(self.title, self.blocks)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the page in the format that the suffix names. Raises UsageError for others."""
        self.page().save(path)

    def __str__(self) -> str:
        return str(self.page())


def derive(
    trace: Trace, wrt: str | Sequence[str] | None = None, *, lr: float = 1.0, most: int = MOST_STEPS
) -> Derivation:
    """Work out the gradient of a trace's loss by hand, then one step of gradient descent.

    `wrt` names parameters or other values; `"W1[0, 3]"` follows one element. All parameters unless
    given. A pass of more than `most` ops is followed along the path on which the gradient is
    largest, to one value; of a path that is longer yet, the middle is left out.

    Raises UsageError for names that the trace does not have.
    """
    targets, index = _targets(trace, wrt)
    nodes = _between(trace, targets)
    note = ""
    if len(nodes) > most:
        nodes = _heaviest(trace, nodes, targets[0])
        note = (
            f"{len(trace)} values are too many to write out, so one path is followed: from the "
            f"loss to {_name(targets[0])} along the largest gradient. Other paths add to it."
        )
        targets = targets[:1]
    writer = Writer(trace, nodes, targets, index)
    blocks: list[Block] = [Prose(note)] if note else []
    blocks += writer.forward()
    blocks += writer.backward()
    trained = [target for target in targets if target.op == "parameter"]
    shown = nodes if len(nodes) <= MOST_STEPS else nodes[-TAIL:]
    blocks += update_blocks(trace, trained, shown, writer.symbols, lr)
    cost = writer.symbols.of(trace.loss)
    names = ", ".join(f"∂{cost.text}/∂{_name(t)}" for t in targets[:4])
    more = f" and {len(targets) - 4} more" if len(targets) > 4 else ""
    return Derivation(trace, tuple(blocks), f"The chain rule by hand: {names}{more}")


@dataclass
class Writer:
    """Writes the steps of one derivation."""

    trace: Trace
    nodes: list[Node]
    targets: list[Node]
    index: str
    symbols: Symbols = field(init=False)
    deltas: dict[int, Formula] = field(default_factory=dict)
    number: int = 0

    def __post_init__(self) -> None:
        self.symbols = Symbols(self.trace)
        self.kept = {node.id for node in (*self.nodes, *self.targets)}

    def forward(self) -> list[Block]:
        """Write what each named value is."""
        blocks: list[Block] = [Heading("Forward")]
        shown = {edge.node for node in self.nodes for edge in node.inputs}
        ops = [node.id for node in self.nodes]
        skipped = set(ops[TAIL:-HEAD]) if len(ops) > MOST_STEPS else set()
        for node in self.trace:
            name = self.symbols.of(node)
            if node.id in skipped:
                continue
            if node.is_leaf:
                if node.id in shown and node.name and node.value is not None:
                    blocks.append(_line(name, _value(node)))
            elif node.id in self.kept and not self.symbols.is_inlined(node):
                blocks.append(_line(name, self.symbols.meaning[node.id], _value(node)))
        return blocks

    def backward(self) -> list[Block]:
        """Write the steps from the loss to the targets."""
        cost = self.symbols.of(self.trace.loss)
        blocks: list[Block] = [
            Heading("Backward: upstream × local = downstream"),
            _line(derivative(cost, cost), _grad(self.trace.loss)),
        ]
        steps = self.nodes[::-1]
        head, tail = (len(steps), 0) if len(steps) <= MOST_STEPS else (HEAD, TAIL)
        for place, node in enumerate(steps):
            if place < head or place >= len(steps) - tail:
                blocks += self._arrived(node)
                blocks += self._step(node)
            elif place == head:
                left = steps[head : len(steps) - tail]
                sizes = [number(_norm(each)).text for each in (left[0], steps[len(steps) - tail])]
                blocks.append(
                    Prose(
                        f"… {len(left)} steps like these, on which the norm of the gradient goes "
                        f"from {sizes[0]} to {sizes[1]} …"
                    )
                )
                self.number += len(left)
        for target in self.targets:
            if target.is_leaf:
                blocks += self._arrived(target)
            if self.index and isinstance(target.grad, np.ndarray):
                name = Formula(
                    f"{_name(target)}{self.index}",
                    f"{symbol(_name(target)).latex}_{{{self.index[1:-1]}}}",
                )
                at = tuple(int(i) for i in re.findall(r"-?\d+", self.index))
                blocks.append(Prose(f"The one element that was asked for, of {target.grad.shape}:"))
                blocks.append(_line(derivative(cost, name), numbers(target.grad[at])))
        return blocks

    def _arrived(self, node: Node) -> list[Block]:
        """Say where the gradient of a value comes from, if from several uses; and call it δ."""
        blocks: list[Block] = []
        name = self.symbols.of(node)
        uses = [
            part
            for user in self.trace
            for edge, part in zip(user.inputs, contributions(self.trace, user), strict=True)
            if edge.node == node.id and part is not None
        ]
        if len(uses) > 1 and len(uses) <= 6:
            blocks.append(Prose(f"{name.text} {ADDS.format(count=len(uses))}:"))
            parts = " + ".join(numbers(part).text for part in uses)
            latex = " + ".join(numbers(part).latex for part in uses)
            blocks.append(_line(self._gradient(node), Formula(parts, latex), _grad(node)))
        elif len(uses) > 1:
            blocks.append(Prose(f"{name.text} {ADDS.format(count=len(uses))}:"))
            blocks.append(_line(self._gradient(node), _grad(node)))
        if self._is_reused(node) and node.id not in self.deltas:
            known = self._gradient(node)
            delta = symbol(f"delta{len(self.deltas) + 1}" if self.deltas else "delta")
            self.deltas[node.id] = delta
            blocks.append(
                Prose(f"The error at {name.text} is needed more than once, so it gets a name:")
            )
            blocks.append(_line(delta, known, _grad(node)))
        return blocks

    def _step(self, node: Node) -> list[Block]:
        """Write what one op hands to each of its arguments."""
        edges = [
            (edge, part, slope)
            for edge, part, slope in zip(
                node.inputs, contributions(self.trace, node), local(self.trace, node), strict=True
            )
            if edge.node in self.kept and wanted(self.trace, edge)
        ]
        if not edges:
            return []
        self.number += 1
        does = DOES.get(node.op, "")
        what = self.symbols.meaning[node.id].text
        title = f"{self.number}. {self.symbols.of(node).text}"
        title += f" = {what}" if not self.symbols.is_inlined(node) else ""
        blocks: list[Block] = [
            Prose(f"{title}\n{node.op.removeprefix('torch:')} {does}." if does else title)
        ]
        for edge, part, slope in edges:
            blocks += self._edge(node, edge, part, slope)
        return blocks

    def _edge(self, node: Node, edge: Edge, part: Array | None, slope: float | None) -> list[Block]:
        symbols = self.symbols
        upstream = self._gradient(node)
        downstream = derivative(symbols.of(self.trace.loss), symbols.of(edge.node))
        names = {**symbols.inputs(node), "out": symbols.of(node)}
        values = {**node.attributes, **symbols.values(node), "out": node.value}
        given = handed(node, edge.argument, names, upstream, values)
        chain: list[Formula] = []
        if given is not None and given.local is not None and given.local.text == "1":
            chain.append(upstream)
        elif given is not None and given.local is not None:
            chain.append(times(upstream, given.local))
            if slope is not None:
                chain.append(times(_grad(node), numbers(np.asarray(slope)), "×"))
        elif given is not None:
            chain.append(given.whole)
        result = numbers(part) if part is not None else _grad(self.trace[edge.node])
        blocks: list[Block] = [_line(downstream, *chain, result)]
        if given is not None and given.where:
            blocks += [_line(name, meaning) for name, meaning in given.where[:3]]
        if edge.summed_axes:
            blocks.append(Prose(f"{symbols.of(edge.node).text}: {SUMMED}."))
        return blocks

    def _gradient(self, node: Node) -> Formula:
        """Return the name of the gradient that reached a node: δ once it has one."""
        if node.id in self.deltas:
            return self.deltas[node.id]
        return derivative(self.symbols.of(self.trace.loss), self.symbols.of(node))

    def _is_reused(self, node: Node) -> bool:
        """Tell whether the gradient of a value goes to two or more values of its own."""
        if node.is_leaf or node is self.trace.loss or self.symbols.is_inlined(node):
            return False
        return self._leaving(node) >= 2

    def _leaving(self, node: Node) -> int:
        """Count the values that a node's gradient reaches, through those without a name."""
        count = 0
        for edge in node.inputs:
            if edge.node not in self.kept or not wanted(self.trace, edge):
                continue
            child = self.trace[edge.node]
            through = not child.is_leaf and self.symbols.is_inlined(child)
            count += self._leaving(child) if through else 1
        return count


def _line(left: Formula, *right: Formula) -> Math:
    """Write left = right = …, leaving out what is said twice."""
    parts = [left]
    for each in right:
        if each.text != parts[-1].text:
            parts.append(each)
    return Math(" = ".join(p.text for p in parts), " = ".join(p.latex for p in parts))


def _value(node: Node) -> Formula:
    if node.value is None or isinstance(node.value, tuple):
        return Formula("…", r"\dots")
    return numbers(np.asarray(node.value))


def _grad(node: Node) -> Formula:
    if node.grad is None or isinstance(node.grad, tuple):
        return Formula("…", r"\dots")
    return numbers(np.asarray(node.grad))


def _norm(node: Node) -> float:
    return float(np.linalg.norm(np.asarray(node.grad))) if node.grad is not None else 0.0


def _name(node: Node) -> str:
    return node.name or f"{node.op}{node.id}"


def _targets(trace: Trace, wrt: str | Sequence[str] | None) -> tuple[list[Node], str]:
    """Return the values to differentiate by, and the index of an element that was asked for."""
    if wrt is None:
        found = list(trace.parameters())
        if not found:
            raise UsageError("derive: the trace has no parameters; name a value with wrt")
        return found, ""
    names = [wrt] if isinstance(wrt, str) else list(wrt)
    targets, index = [], ""
    for name in names:
        stem, _, rest = name.partition("[")
        known = {node.name for node in trace}
        if name in known:
            stem, rest = name, ""
        try:
            target = trace.named(stem)
        except KeyError as error:
            raise UsageError(f"derive: {error.args[0]}") from None
        if target.grad is None:
            raise UsageError(f"derive: no gradient reaches {stem}; it is a constant of this pass")
        targets.append(target)
        index = f"[{rest}" if rest else ""
    return targets, index


def _between(trace: Trace, targets: list[Node]) -> list[Node]:
    """Return the ops between the loss and the targets, in order of computation."""
    wanted_ids = {node.id for node in targets}
    found = []
    for node in trace:
        if any(edge.node in wanted_ids for edge in node.inputs) and node.grad is not None:
            wanted_ids.add(node.id)
            found.append(node)
    return found


def _heaviest(trace: Trace, nodes: list[Node], target: Node) -> list[Node]:
    """Return the ops on the path from the loss to one value on which most gradient flows."""
    within = {node.id for node in _between(trace, [target])} | {target.id}
    path, at = [], trace.loss
    while at.id != target.id:
        path.append(at)
        parts = zip(at.inputs, contributions(trace, at), strict=True)
        sized = [
            (float(np.linalg.norm(np.asarray(part))) if part is not None else 0.0, -edge.node)
            for edge, part in parts
            if edge.node in within
        ]
        if not sized:
            break
        at = trace[-max(sized)[1]]
    return path[::-1]
