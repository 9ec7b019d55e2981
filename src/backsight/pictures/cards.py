"""What one cell of a graph looks like: its box, its value above the line, its gradient below."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arrays import Array
from ..pages.vector.scene import Bars, Box, Item, Label, Role, text_width
from ..traces.statistics import Statistics
from ..traces.trace import Node, Trace
from .folding import Cell

SIGNS = {
    "absolute": "|x|", "add": "+", "divide": "÷", "dot": "·", "exp": "exp", "linear": "linear",
    "log": "log", "matmul": "@", "maximum": "max", "mean": "mean", "minimum": "min",
    "multiply": "×", "negative": "−", "power": "xⁿ", "sigmoid": "σ", "sqrt": "√", "square": "x²",
    "subtract": "−", "sum": "Σ", "tanh": "tanh",
}  # fmt: skip
SIZE = 11.0
NAME = 12.0
MOST_NUMBERS = 3  # of one array that are written out
BARS = 24


@dataclass(frozen=True, slots=True)
class Card:
    """A cell measured: the width of its box, that of the texts right of it, and its height."""

    cell: Cell
    title: str
    role: Role
    box: float
    texts: float
    height: float
    above: str
    below: str
    value: tuple[float, ...]
    gradient: tuple[float, ...]
    tip: str

    @property
    def width(self) -> float:
        """The width of box and texts together."""
        return self.box + self.texts


def card(trace: Trace, cell: Cell, ports: int) -> Card:
    """Measure a cell that `ports` lines enter."""
    node = trace[cell.last]
    several = len([i for i in cell.nodes if not trace[i].is_leaf]) > 1
    title = SIGNS.get(cell.title, cell.title) or "·"
    plain = node.op == "constant" and not node.name
    if plain:
        title = shown(node.value, node.value_stats) or "constant"
    if cell.times > 1:
        title += f"  ×{cell.times}"
    role: Role = "op"
    if node.is_leaf:
        role = node.op  # type: ignore[assignment]
    elif node is trace.loss:
        role = "loss"
    elif several:
        role = "group"
    named = node.name if not node.is_leaf and node.name and cell.times == 1 else ""
    above = "" if plain else " ".join(filter(None, [named, shown(node.value, node.value_stats)]))
    below = shown(node.grad, node.grad_stats)
    value, gradient = strip(node.value), strip(node.grad)
    if cell.times > 1 and cell.norms:
        value, gradient = (), logarithmic(cell.norms)
        below = f"gradient by step, {span(cell.norms)}"
        above = shown(node.value, node.value_stats)
    texts = max(text_width(above, SIZE), text_width(below, SIZE), 60 if value or gradient else 0)
    box = max(30.0, text_width(title, NAME) + 16.0)
    tall = 28.0 + 2 * (10 if value or gradient else 0)
    return Card(
        cell,
        title,
        role,
        box,
        texts + 18.0 if texts else 0.0,
        max(tall, 26.0, 15.0 * ports + 8.0),
        above,
        below,
        value,
        gradient,
        tip_of(trace, cell),
    )


def card_items(card: Card, x: float, y: float) -> list[Item]:
    """Draw a card whose left edge and middle are at a point."""
    tall = max(26.0, min(card.height, 60.0)) if card.role != "group" else max(26.0, card.height - 8)
    rounding = 13.0 if len(card.title) <= 2 and card.role in ("op", "loss") else 5.0
    items: list[Item] = [
        Box(x, y - tall / 2, card.box, tall, card.role, rounding, card.tip),
    ]
    if card.role == "group":
        items.insert(0, Box(x + 3, y - tall / 2 - 3, card.box, tall, card.role, rounding))
    items.append(
        Label(
            x + card.box / 2,
            y + 4,
            card.title,
            "value",
            NAME,
            "middle",
            bold=card.role == "loss",
            inside=True,
        )
    )
    right = x + card.box + 7
    if card.value:
        items.append(Bars(right, y - 17, 56, 12, card.value, "value"))
    if card.above:
        items.append(Label(right, y - (20 if card.value else 5), card.above, "value", SIZE))
    if card.gradient:
        items.append(Bars(right, y + 5, 56, 12, card.gradient, "gradient"))
    if card.below:
        items.append(Label(right, y + (28 if card.gradient else 13), card.below, "gradient", SIZE))
    return items


def shown(value: Any, known: Statistics | None) -> str:
    """Return a value in a few characters: numbers where they are few, else shape and norm."""
    if value is None or isinstance(value, tuple):
        if known is None:
            return ""
        norm = known.rms * math.sqrt(known.count)
        return f"{shape_of(known.shape)} ‖{short(norm)}‖" if known.shape else short(known.mean)
    array = np.asarray(value)
    if array.dtype.kind not in "fiub":
        return ""
    if array.ndim == 0:
        return short(float(array))
    if array.size <= MOST_NUMBERS:
        return "[" + ", ".join(short(float(x)) for x in array.reshape(-1)) + "]"
    with np.errstate(all="ignore"):
        norm = float(np.linalg.norm(array.astype(np.float64)))
    return f"{shape_of(array.shape)} ‖{short(norm)}‖"


def shape_of(shape: tuple[int, ...]) -> str:
    """Return a shape as `8×4`."""
    return "×".join(map(str, shape))


def short(number: float) -> str:
    """Return a number with four significant digits at most, with a real minus sign."""
    text = f"{number:.4g}" if math.isfinite(number) else str(number)
    if "e" in text:
        mantissa, exponent = text.split("e")
        text = f"{float(mantissa):.3g}e{int(exponent)}"
    return text.replace("-", "−").replace("inf", "∞")


def strip(value: Any) -> tuple[float, ...]:
    """Return an array as bars of −1 to 1, thinned out; none for a few numbers."""
    if value is None or isinstance(value, tuple):
        return ()
    array: Array = np.asarray(value)
    if array.size <= MOST_NUMBERS or array.dtype.kind not in "fiu":
        return ()
    flat = array.reshape(-1).astype(np.float64)
    flat = np.where(np.isfinite(flat), flat, 0.0)
    taken = flat[np.linspace(0, flat.size - 1, min(BARS, flat.size)).astype(int)]
    largest = float(np.max(np.abs(flat)))
    return tuple(float(x) for x in taken / largest) if largest else (0.0,) * len(taken)


def logarithmic(norms: tuple[float, ...]) -> tuple[float, ...]:
    """Return norms as bars on a logarithmic scale over seven decades below the largest."""
    largest = max((norm for norm in norms if math.isfinite(norm)), default=0.0)
    if largest <= 0:
        return (0.0,) * len(norms)
    places = np.linspace(0, len(norms) - 1, min(BARS, len(norms))).astype(int)
    taken = [norms[i] for i in places]
    return tuple(
        max(0.02, 1 + math.log10(max(norm, largest * 1e-7) / largest) / 7) if norm > 0 else 0.0
        for norm in taken
    )


def span(norms: tuple[float, ...]) -> str:
    """Return the first and the last norm of a strip, in the order of the forward."""
    return f"{short(norms[0])} … {short(norms[-1])}" if norms else ""


def tip_of(trace: Trace, cell: Cell) -> str:
    """Return what is told of a cell in words: names, shapes, places."""
    node = trace[cell.last]
    lines = [f"{node.op}{f' {node.name}' if node.name else ''}"]
    if cell.times > 1:
        lines.append(f"repeated {cell.times} times")
    elif len(cell.nodes) > 1:
        inside = ", ".join(dict.fromkeys(trace[i].op for i in cell.nodes if not trace[i].is_leaf))
        lines.append(f"{len(cell.nodes)} values: {inside}"[:200])
    for what, known in (("value", node.value_stats), ("gradient", node.grad_stats)):
        if known is not None:
            lines.append(
                f"{what} {shape_of(known.shape) or 'one number'}: mean {short(known.mean)}, std "
                f"{short(known.std)}, {short(known.minimum)} to {short(known.maximum)}"
            )
    if node.where is not None:
        lines.append(f"{node.where}  {node.where.expression}"[:200])
    return "\n".join(lines)


def node_name(node: Node) -> str:
    """Return what a text calls a node."""
    return node.name or node.op
