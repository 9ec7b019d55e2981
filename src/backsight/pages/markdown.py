"""A page as Markdown, with mathematics between dollar signs and pictures as embedded SVG."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .blocks import Block, Code, Heading, Math, Picture, Prose, Table
from .html import SYMBOLS
from .text import to_text
from .vector.svg import to_svg

if TYPE_CHECKING:
    from .page import Page


def to_markdown(page: Page) -> str:
    """Write a page as Markdown (GitHub's, and notebooks')."""
    parts = [f"# {escaped(page.title)}"] if page.title else []
    for block in page.blocks:
        parts += block_parts(block)
    return "\n\n".join(parts) + "\n"


def block_parts(block: Block) -> Iterator[str]:
    """Yield the paragraphs of one block."""
    match block:
        case Heading(text=text, severity=severity):
            yield f"## {SYMBOLS.get(severity, '')} {escaped(text)}".replace("  ", " ")
        case Prose(text=text, label=label, severity=severity):
            sign = f"{SYMBOLS[severity]} " if severity in SYMBOLS else ""
            name = f"**{escaped(label)}:** " if label else ""
            yield f"{sign}{name}{escaped(text)}".replace("\n", "  \n")
        case Math(latex=latex):
            yield f"$$\n{latex}\n$$"
        case Picture(scene=scene):
            data = base64.b64encode(to_svg(scene).encode()).decode()
            yield f"![{escaped(scene.title)}](data:image/svg+xml;base64,{data})"
        case Table():
            yield table(block)
        case Code():
            from .page import Page

            text = to_text(Page("", (block,))).strip("\n") if block.marks else block.text
            longest = max((len(run) for run in re.findall("`+", text)), default=0)
            fence = "`" * max(3, longest + 1)
            if block.caption and not block.marks:
                yield f"`{block.caption}`"
            yield f"{fence}{'' if block.marks else 'python'}\n{text.rstrip()}\n{fence}"


def table(block: Table) -> str:
    """Write a table with pipes; a cell keeps to one line."""
    count = max([len(block.heads), *map(len, block.rows)], default=0)
    align = [*block.align, *["left"] * count][:count]
    heads = [*block.heads, *[""] * (count - len(block.heads))]
    rows = [
        heads,
        ["---:" if side == "right" else "---" for side in align],
        *([*row, *[""] * (count - len(row))] for row in block.rows),
    ]
    lines = []
    for place, row in enumerate(rows):
        cells = row if place == 1 else [escaped(cell).replace("\n", "<br>") for cell in row]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def escaped(text: str) -> str:
    """Escape what Markdown reads as its own."""
    return re.sub(r"([\\`*_{}\[\]<>#|$])", r"\\\1", text)
