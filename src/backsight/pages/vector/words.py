"""Words in a picture: how many fit, where they break, how labels keep clear of each other."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from .scene import Label, Role, text_width

LEADING = 1.35
"""From one line of text to the next, in units of its size."""


def shortened(text: str, most: int) -> str:
    """Return a text of at most `most` characters, without its middle: both ends tell names apart.

    >>> shortened("encoder.layers.11.linear1.weight", 20)
    'encoder…near1.weight'
    """
    text = " ".join(text.split())
    if len(text) <= most or most < 3:
        return text[:most] if most < 3 else text
    head = (most - 1) * 2 // 5
    return f"{text[:head]}…{text[len(text) - (most - 1 - head) :]}"


def wrapped(text: str, width: float, size: float) -> list[str]:
    """Break a text into lines that are at most `width` wide."""
    return textwrap.wrap(text, max(8, int(width / text_width("x", size))))


def paragraph(
    text: str, x: float, y: float, width: float, *, size: float, role: Role, bold: bool = False
) -> tuple[list[Label], float]:
    """Return the lines of a text below y, and where they end."""
    lines = wrapped(text, width, size)
    step = size * LEADING
    labels = [
        Label(x, y + size + i * step, line, role, size, bold=bold) for i, line in enumerate(lines)
    ]
    return labels, y + step * len(lines)


def apart(places: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Move places as little as need be so that neighbours are `gap` apart, from low to high.

    Where there is no room for all, the gap is smaller. The order is kept.

    >>> apart([10.0, 12.0, 50.0], 10.0, 0.0, 60.0)
    [6.0, 16.0, 50.0]
    """
    order = sorted(range(len(places)), key=lambda i: places[i])
    if len(places) > 1:
        gap = min(gap, (high - low) / (len(places) - 1))
    blocks: list[list[float]] = []  # [sum of wished first places, count]
    for rank, i in enumerate(order):
        wished = min(max(places[i], low + rank * gap), high - (len(order) - 1 - rank) * gap)
        blocks.append([wished, 1])
        while len(blocks) > 1 and middle(blocks[-2], gap)[1] + gap > middle(blocks[-1], gap)[0]:
            total, count = blocks.pop()
            # Each is wished `gap` after the one before it, so the block's first place is a mean.
            blocks[-1][0] += total - count * blocks[-1][1] * gap
            blocks[-1][1] += count
    found = [0.0] * len(places)
    ranked = iter(order)
    for block in blocks:
        first = middle(block, gap)[0]
        for k in range(int(block[1])):
            found[next(ranked)] = first + k * gap
    return found


def middle(block: list[float], gap: float) -> tuple[float, float]:
    """Return the first and the last place of a block of neighbours."""
    first = block[0] / block[1]
    return first, first + (block[1] - 1) * gap


def in_rows(spans: Sequence[tuple[float, float]]) -> list[int]:
    """Return for each span (from, to) the first row in which it overlaps none before it."""
    ends: list[float] = []
    rows = []
    for low, high in spans:
        row = next((i for i, end in enumerate(ends) if end <= low), len(ends))
        ends[row : row + 1] = [high]
        rows.append(row)
    return rows
