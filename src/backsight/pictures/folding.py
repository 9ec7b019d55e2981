"""Folding a trace until it can be looked at: parameters into their op, steps in time, modules.

Each way of folding says for every node which cell it belongs to; the first that leaves few enough
cells is taken.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..traces.trace import Edge, Node, Trace

MOVING = ("reshape", "transpose", "moveaxis", "squeeze", "expand_dims", "astype", "broadcast_to")
"""Ops that move numbers and change none; they go with what they move."""
FEWEST_STEPS = 4  # repetitions of one expression that are folded into one cell


@dataclass(frozen=True, slots=True)
class Cell:
    """A box of the picture: the nodes in it, by number, in order of computation.

    `times` is how often one expression was repeated, `norms` are then the gradient's norms, step by
    step.
    """

    title: str
    nodes: tuple[int, ...]
    times: int = 1
    norms: tuple[float, ...] = ()

    @property
    def last(self) -> int:
        """The node whose value leaves the cell."""
        return self.nodes[-1]


@dataclass(frozen=True, slots=True)
class Wire:
    """A line between two cells, by their places; `uses` are the edges in it with their nodes."""

    source: int
    target: int
    uses: tuple[tuple[Node, Edge], ...]


class Called(NamedTuple):
    """The cell of one call of a module: its path, and which of its calls it is."""

    module: str
    number: int


@dataclass(frozen=True, slots=True)
class Folded:
    """Cells in order of computation, and the wires between them."""

    cells: tuple[Cell, ...]
    wires: tuple[Wire, ...]


def folded(trace: Trace, most: int | None = 48) -> Folded:
    """Fold a trace into at most `most` cells, as little as that takes; not at all for None."""
    ways = list(_ways(trace)) if most is not None and len(trace) > most else [_each]
    best: Folded | None = None
    for way in ways:
        found = _cells(trace, way(trace))
        if best is None or len(found.cells) < len(best.cells):
            best = found
        if most is None or len(best.cells) <= most:
            return best
    assert best is not None
    assert most is not None
    return _cells(trace, _in_stretches(trace, most))


def _each(trace: Trace) -> dict[int, object]:
    return {node.id: node.id for node in trace}


def _ways(trace: Trace) -> Iterator[Callable[[Trace], dict[int, object]]]:
    yield _each
    yield _with_parameters
    yield _with_steps
    depth = max((node.module.count(".") + 1 for node in trace if node.module), default=0)
    for level in range(depth, 0, -1):
        yield lambda trace, level=level: _with_modules(trace, level)  # type: ignore[misc]
    yield _with_functions


def _with_parameters(trace: Trace) -> dict[int, object]:
    """Put leaves that are used once into their op, and moves of numbers with what they move."""
    uses: dict[int, list[int]] = {}
    for node in trace:
        for edge in node.inputs:
            uses.setdefault(edge.node, []).append(node.id)
    cell: dict[int, object] = {}
    for node in reversed(trace.nodes):
        taken = uses.get(node.id, [])
        inside = is_given(trace, node) and node.op != "input" and len(set(taken)) == 1
        cell[node.id] = cell[taken[0]] if inside else node.id
    for node in trace:
        if node.op in MOVING and node.inputs and not is_given(trace, node):
            cell[node.id] = cell[node.inputs[0].node]
    return cell


def is_given(trace: Trace, node: Node) -> bool:
    """Tell whether a value is a leaf, or a nameless part or view of a parameter: `w.T`."""
    while node.op in (*MOVING, "getitem") and not node.name and len(node.inputs) == 1:
        node = trace[node.inputs[0].node]
        if node.op == "input":
            return False
    return node.is_leaf


def _with_steps(trace: Trace) -> dict[int, object]:
    """Fold what one expression computes again and again with the same parameters."""
    cell = _with_parameters(trace)
    again = repeated(trace)
    for nodes in again:
        for node in nodes:
            cell[node.id] = cell[nodes[0].id]
    if again:
        _beside_steps(trace, cell, {cell[nodes[0].id] for nodes in again})
    return cell


def repeated(trace: Trace) -> list[list[Node]]:
    """Return what is repeated as often as some expression is with one and the same parameter."""
    groups: dict[object, list[Node]] = {}
    for node in trace:
        if not node.is_leaf and node.where is not None:
            picked = node.inputs[0].node if node.op == "getitem" and node.inputs else None
            groups.setdefault((node.where, node.op, picked), []).append(node)
    alike = [
        nodes
        for nodes in groups.values()
        if len(nodes) >= FEWEST_STEPS and len({_parameters(trace, node) for node in nodes}) == 1
    ]
    steps = max((len(nodes) for nodes in alike if _parameters(trace, nodes[0])), default=0)
    return [nodes for nodes in alike if steps and len(nodes) >= steps - 1]


def _beside_steps(trace: Trace, cell: dict[int, object], steps: set[object]) -> None:
    """Put parameters of repeated steps into their cell, the data of all steps into one more."""
    uses: dict[int, set[tuple[int, str]]] = {}
    for node in trace:
        for edge in node.inputs:
            uses.setdefault(edge.node, set()).add((node.id, edge.argument))
    for node in reversed(trace.nodes):
        users = {(cell[each], argument) for each, argument in uses.get(node.id, ())}
        if is_given(trace, node) and len({user for user, _ in users}) == 1:
            user, argument = min(users, key=lambda each: each[1])
            if node.op != "input":
                cell[node.id] = user
            elif user in steps:
                cell[node.id] = ("input", node.name, user, argument)


def _parameters(trace: Trace, node: Node) -> tuple[int, ...]:
    found = []
    for edge in node.inputs:
        source = trace[edge.node]
        while source.op in MOVING and source.inputs:
            source = trace[source.inputs[0].node]
        if source.op == "parameter":
            found.append(source.id)
    return tuple(found)


def _with_modules(trace: Trace, level: int) -> dict[int, object]:
    """Fold each call of a module whose path is `level` names long; what has none stays.

    A module that is called again computes something else: one box for both would have lines that
    lead back.
    """
    cell = _with_steps(trace)
    calls: dict[str, int] = {}
    last: object = None
    for node in trace:
        path = node.module.split(".")
        if node.is_leaf:
            continue
        if not node.module or len(path) < level:
            last = None  # what stands between two calls of modules, in the forward of another
            continue
        name = ".".join(path[:level])
        if name != last:
            last, calls[name] = name, calls.get(name, 0) + 1
        cell[node.id] = Called(name, calls[name])
    return _leaves_with_users(trace, cell)


def _with_functions(trace: Trace) -> dict[int, object]:
    """Fold what each function of the program computes."""
    cell = _with_modules(trace, 1)
    for node in trace:
        if node.where is not None and not node.module:
            cell[node.id] = (node.where.file, node.where.function)
    return _leaves_with_users(trace, cell)


def _leaves_with_users(trace: Trace, cell: dict[int, object]) -> dict[int, object]:
    users: dict[int, set[int]] = {}
    for node in trace:
        for edge in node.inputs:
            users.setdefault(edge.node, set()).add(node.id)
    for node in reversed(trace.nodes):
        found = {cell[each] for each in users.get(node.id, ())}
        if is_given(trace, node) and node.op != "input" and len(found) == 1:
            cell[node.id] = next(iter(found))
    return cell


def _in_stretches(trace: Trace, most: int) -> dict[int, object]:
    """Fold stretches of equal length in order of computation: the last resort."""
    length = math.ceil(len(trace) / most)
    return {node.id: node.id // length for node in trace}


def _cells(trace: Trace, cell: Mapping[int, object]) -> Folded:
    """Gather nodes by cell, in order of the first op in each."""
    members: dict[object, list[Node]] = {}
    for node in trace:
        members.setdefault(cell[node.id], []).append(node)
    first = {
        key: next((node.id for node in nodes if not is_given(trace, node)), nodes[0].id)
        for key, nodes in members.items()
    }
    keys = sorted(members, key=first.__getitem__)
    place = {key: i for i, key in enumerate(keys)}
    cells = tuple(_cell(trace, key, members[key]) for key in keys)
    uses: dict[tuple[int, int], list[tuple[Node, Edge]]] = {}
    for node in trace:
        for edge in node.inputs:
            pair = place[cell[edge.node]], place[cell[node.id]]
            inner = pair[0] == pair[1] and cells[pair[0]].times == 1
            if not inner and not (pair[0] == pair[1] and trace[edge.node].is_leaf):
                uses.setdefault(pair, []).append((node, edge))
    wires = tuple(Wire(a, b, tuple(each)) for (a, b), each in sorted(uses.items()))
    return Folded(cells, wires)


def _cell(trace: Trace, key: object, nodes: list[Node]) -> Cell:
    ops = [node for node in nodes if not node.is_leaf]
    numbers = tuple(node.id for node in nodes if node.is_leaf) + tuple(node.id for node in ops)
    main = [node for node in ops if node.op not in MOVING] or ops or nodes
    if isinstance(key, Called):
        return Cell(key.module, numbers)
    if isinstance(key, tuple) and key[0] == "input":
        return Cell(title_of(nodes[0]), numbers, len(nodes))
    if isinstance(key, tuple):
        return Cell(f"{key[1]}()", numbers)
    steps = [node for node in main if node.op == main[0].op and node.where == main[0].where]
    if len(steps) >= FEWEST_STEPS and len(steps) == len(main):
        return Cell(title_of(steps[0]), numbers, len(steps), tuple(_norm(node) for node in steps))
    if len(main) == 1:
        return Cell(title_of(main[0]), numbers)
    return Cell(f"{title_of(main[0])} … {title_of(main[-1])}", numbers)


def title_of(node: Node) -> str:
    """Return what a box is called."""
    if node.is_leaf:
        return node.name or {"parameter": "w", "input": "x"}.get(node.op, "")
    return node.op.removeprefix("torch:")


def _norm(node: Node) -> float:
    if node.grad_stats is not None:
        return node.grad_stats.rms * math.sqrt(node.grad_stats.count)
    if isinstance(node.grad, tuple):
        return math.hypot(*(float(np.linalg.norm(g)) for g in node.grad if g is not None))
    if node.grad is None:
        return 0.0
    return float(np.linalg.norm(np.asarray(node.grad, dtype=np.float64)))
