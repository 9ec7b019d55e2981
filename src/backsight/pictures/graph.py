"""The graph of one pass: values above the lines in black, gradients below them in red."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from ..chain import local
from ..pages.blocks import Block, Picture
from ..pages.page import Page
from ..pages.vector.scene import Item, Label, Line, Part, Scene, text_width
from ..traces.trace import Edge, Node, Trace
from .cards import Card, card, card_items, short
from .folding import Folded, Wire, folded
from .layers import Placed, layered

MOST_CELLS = 48
SMALL = 9.5  # size of local derivatives
PLUS = 10.0


@dataclass(frozen=True, eq=False)
class Drawing:
    """A picture of a trace. `.page()` is what it looks like, `.save("x.svg")` writes it."""

    scene: Scene

    def page(self) -> Page:
        """Return the picture as a page."""
        blocks: tuple[Block, ...] = (Picture(self.scene),)
        return Page(self.scene.title, blocks)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the picture in the format that the suffix names. Raises UsageError for others."""
        self.page().save(path)


def draw(
    trace: Trace,
    *,
    most: int | None = MOST_CELLS,
    marks: Mapping[int, str] | None = None,
    title: str = "",
) -> Drawing:
    """Draw the graph of a trace from left to right.

    A trace of more than `most` values is folded: parameters into the op that uses them, repeated
    time steps, modules (None folds nothing). Small arrays are written out, others are shown by
    shape, norm and a strip of bars. A plus stands where gradients add, a Σ where broadcasting is
    undone. `marks` puts a note on nodes, by number: where a diagnosis has findings.
    """
    graph = folded(trace, most)
    entering: dict[int, list[int]] = {}
    for number, wire in enumerate(graph.wires):
        entering.setdefault(wire.target, []).append(number)
    cards = [card(trace, each, len(entering.get(i, ()))) for i, each in enumerate(graph.cells)]
    labels = [wire_label(trace, wire, cards) for wire in graph.wires]
    spaces = [44.0 + max(text_width(a, SMALL), text_width(b, SMALL)) for a, b in labels]
    placed = layered(
        [(each.width, each.height) for each in cards],
        [(wire.source, wire.target) for wire in graph.wires],
        spaces=spaces,
    )
    items = [*wires(trace, graph, cards, placed, labels, entering)]
    for i, each in enumerate(cards):
        x, y = placed.centres[i][0] - each.width / 2, placed.centres[i][1]
        inside = card_items(each, x, y)
        note = (marks or {}).get(each.cell.last, "")
        if note:
            inside.append(Label(x, y - each.height / 2 - 8, f"▲ {note}", "problem", 11, bold=True))
        items.append(Part(f"cell-{i}", tuple(inside)))
    top = 26.0 if marks else 0.0
    items += legend(placed.height + 30)
    name = title or f"Forward and backward pass of {len(trace)} values"
    scene = Scene(
        max(placed.width, 360.0),
        placed.height + 40 + top,
        tuple(items),
        name,
        in_words(trace, graph),
    )
    return Drawing(scene)


def wire_label(trace: Trace, wire: Wire, cards: list[Card]) -> tuple[str, str]:
    """Return what stands at the end of a line: the local derivative, and Σ with the summed axes."""
    if len(wire.uses) != 1 or cards[wire.target].cell.times > 1:
        return "", ""
    node, edge = wire.uses[0]
    if len([i for i in cards[wire.target].cell.nodes if not trace[i].is_leaf]) > 1:
        return "", ""
    slope = local(trace, node)[node.inputs.index(edge)]
    above = f"∂ {short(slope)}" if slope is not None and carries(trace, edge) else ""
    axes = ", ".join(map(str, edge.summed_axes))
    below = f"Σ axis {axes}" if edge.summed_axes and carries(trace, edge) else ""
    return above, below


def carries(trace: Trace, edge: Edge) -> bool:
    """Tell whether a gradient goes back along an edge."""
    return trace[edge.node].grad is not None or trace[edge.node].grad_stats is not None


def wires(
    trace: Trace,
    graph: Folded,
    cards: list[Card],
    placed: Placed,
    labels: list[tuple[str, str]],
    entering: dict[int, list[int]],
) -> list[Item]:
    """Draw the lines, what stands at their ends, and a plus where gradients add."""
    items: list[Item] = []
    for target, numbers in entering.items():
        numbers.sort(key=lambda number: approach(placed.lines[number]))
        for port, number in enumerate(numbers):
            points = list(placed.lines[number])
            shift = (port - (len(numbers) - 1) / 2) * 15.0
            points[-1] = (points[-1][0], points[-1][1] + shift)
            source = graph.wires[number].source
            if number not in placed.backward:
                middle, own = placed.centres[source], cards[source]
                points.insert(0, (middle[0] - own.width / 2 + own.box, middle[1]))
            else:
                points[-2] = (points[-2][0], points[-1][1])
            folded_in = cards[target].cell.times > 1 and source == target
            items.append(
                Line(
                    tuple(points), "wire", arrow=True, dashed=number in placed.backward or folded_in
                )
            )
            x, y = points[-1][0] - 9, points[-1][1]
            above, below = labels[number]
            if above:
                items.append(Label(x, y - 3, above, "local", SMALL, "end"))
            if below:
                items.append(Label(x, y + 10, below, "gradient", SMALL, "end"))
    return items + pluses(trace, graph, cards, placed)


def pluses(trace: Trace, graph: Folded, cards: list[Card], placed: Placed) -> list[Item]:
    """Draw a plus behind each cell a value of which is used more than once."""
    adding: dict[int, dict[tuple[int, int], int]] = {}
    for wire in graph.wires:
        for _, edge in wire.uses:
            if carries(trace, edge):
                counts = adding.setdefault(wire.source, {})
                counts[edge.node, edge.output] = counts.get((edge.node, edge.output), 0) + 1
    items: list[Item] = []
    for source, counts in sorted(adding.items()):
        count, own = max(counts.values()), cards[source]
        if count > 1 and own.cell.times == 1:
            x, y = placed.centres[source][0] + own.width / 2 - 7, placed.centres[source][1]
            tip = f"{count} gradients add up here"
            items.append(Label(x, y + 4.5, "⊕", "gradient", 13, "middle", bold=True, tip=tip))
    return items


def approach(line: tuple[tuple[float, float], ...]) -> float:
    """Return the height from which a line comes to its end."""
    return line[-2][1] if len(line) > 1 else 0.0


def legend(y: float) -> list[Item]:
    """Say what the colours and signs mean."""
    return [
        Label(0, y, "value, forward →", "value", 10),
        Label(130, y, "gradient, ← backward", "gradient", 10),
        Label(280, y, "∂ local derivative   ⊕ gradients add   Σ broadcasting undone", "note", 10),
    ]


def in_words(trace: Trace, graph: Folded) -> str:
    """Say what the picture shows, for those who cannot see it."""
    loss = trace.loss
    parts = [f"A graph of {len(graph.cells)} boxes, from inputs on the left to {named(loss)}."]
    for node in trace.parameters()[:12]:
        if node.grad_stats is not None:
            size = node.grad_stats.rms * node.grad_stats.count**0.5
            parts.append(f"The gradient at {named(node)} has norm {short(size)}.")
    return " ".join(parts)


def named(node: Node) -> str:
    """Return what a text calls a node."""
    return node.name or ("the loss" if node.op not in ("parameter", "input") else node.op)
