"""A page as styled lines. The terminal prints them, plain text drops their styles."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from typing import TYPE_CHECKING

from rich.text import Text

from .blocks import Block, Code, Heading, Math, Picture, Prose, Table
from .cells import one_line, printable, width, wrap
from .excerpt import code_lines

if TYPE_CHECKING:
    from .page import Page

# Severity is told by the symbol; colour only repeats it.
SYMBOLS = {"critical": "✖", "warning": "▲", "info": "●", "ok": "✔"}
STYLES = {"critical": "bold red", "warning": "bold yellow", "info": "bold cyan", "ok": "bold green"}
GAP = 2  # cells between the columns of a table
LEAST = 6  # cells that a column keeps however narrow the terminal


def page_lines(page: Page, room: int) -> Iterator[Text]:
    """Yield the lines of a page for a terminal `room` cells wide."""
    title = wrap(printable(page.title), room) if page.title else []
    for line in title:
        yield Text(line, style="bold")
    if title:
        yield Text("═" * max(map(width, title)), style="dim")
    previous: Block | None = None
    for block in page.blocks:
        if (previous is not None or title) and not joined(previous, block):
            yield Text("")
        yield from block_lines(block, room)
        previous = block


def joined(previous: Block | None, block: Block) -> bool:
    """Tell whether no empty line stands between two blocks: labelled lines keep together."""
    if isinstance(block, Math):
        return isinstance(previous, Math | Prose)
    return isinstance(previous, Prose) and isinstance(block, Prose) and bool(block.label)


def block_lines(block: Block, room: int) -> Iterator[Text]:
    """Yield the lines of one block."""
    match block:
        case Heading(text=text, severity=severity):
            yield from labelled(text, "", severity, room, style="bold")
        case Prose(text=text, label=label, severity=severity):
            yield from labelled(text, label, severity, room)
        case Code():
            yield from code_lines(block, room, STYLES)
        case Table():
            yield from table_lines(block, room)
        case Math(text=text):
            yield from math_lines(text, room)
        case Picture(scene=scene):
            yield from labelled(scene.description or scene.title, "picture", "", room)


def math_lines(text: str, room: int) -> Iterator[Text]:
    """Yield a formula indented; where it is too long it goes on below, farther in."""
    first, *rest = wrap(printable(text), max(room - 6, LEAST))
    yield Text(f"    {first}")
    for line in rest:
        yield Text(f"      {line}")


def labelled(text: str, label: str, severity: str, room: int, style: str = "") -> Iterator[Text]:
    """Yield wrapped text behind its symbol and its label, the continuations under its start."""
    symbol = f"{SYMBOLS[severity]} " if severity in SYMBOLS else ""
    name = f"{one_line(label)}: " if label else ""
    start = Text.assemble((symbol, STYLES.get(severity, "")), (name, "bold"))
    indent = width(symbol + name)
    if 2 * indent > room:  # too narrow to hang the text beside its label
        start.rstrip()
        yield start
        start, indent = Text("  "), 2
    first, *rest = wrap(printable(text), room - indent)
    start.append(first, style)
    start.rstrip()
    yield start
    for line in rest:
        yield Text((" " * indent + line).rstrip(" "), style=style)


def table_lines(table: Table, room: int) -> Iterator[Text]:
    """Yield a table, its widest columns wrapped where the room is short."""
    rows = [tuple(map(printable, row)) for row in table.rows]
    heads = tuple(map(printable, table.heads))
    count = max([len(heads), *map(len, rows)], default=0)
    if not count:
        return
    columns = list(zip_longest(*([heads] if heads else []), *rows, fillvalue=""))
    room -= GAP * (count - 1)
    sizes = [min(widest(cells, "\n"), max(room, LEAST)) for cells in columns]
    shrink(sizes, [widest(cells, None) for cells in columns], room)  # at spaces, if that is enough
    shrink(sizes, [LEAST] * count, room)
    align = [*table.align, *["left"] * count][:count]
    if heads:
        yield from row_lines(heads, sizes, align, "bold")
        yield Text((" " * GAP).join("─" * size for size in sizes), style="dim")
    for row in rows:
        yield from row_lines(row, sizes, align, "")


def widest(cells: tuple[str, ...], separator: str | None) -> int:
    """Return the width of the widest line (or word, for a separator of None) in a column."""
    return max((width(part) for cell in cells for part in cell.split(separator)), default=0)


def shrink(sizes: list[int], least: list[int], room: int) -> None:
    """Take from the widest columns, none below its least width, until all fit the room."""
    while sum(sizes) > room:
        wide = [i for i, size in enumerate(sizes) if size > least[i]]
        if not wide:
            return
        sizes[max(wide, key=sizes.__getitem__)] -= 1


def row_lines(
    row: tuple[str, ...], sizes: list[int], align: list[str], style: str
) -> Iterator[Text]:
    """Yield the lines of one row."""
    cells = [
        wrap(cell, size, split_words=True)
        for cell, size in zip_longest(row, sizes, fillvalue="")
        if isinstance(size, int)
    ]
    for lines in zip_longest(*cells, fillvalue=""):
        padded = [
            " " * (size - width(line)) + line
            if side == "right"
            else line + " " * (size - width(line))
            for line, size, side in zip(lines, sizes, align, strict=True)
        ]
        yield Text((" " * GAP).join(padded).rstrip(" "), style=style)
