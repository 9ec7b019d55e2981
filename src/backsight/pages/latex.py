"""A page as a LaTeX document (lualatex or xelatex; amsmath and nothing unusual)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .blocks import Block, Code, Heading, Math, Picture, Prose, Table
from .text import to_text

if TYPE_CHECKING:
    from .page import Page

HEAD = r"""\documentclass{article}
\usepackage{amsmath,amssymb}
\usepackage[margin=2.5cm]{geometry}
\setlength{\parindent}{0pt}\setlength{\parskip}{0.6em}
\allowdisplaybreaks
"""
SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "%": r"\%", "_": r"\_", "^": r"\^{}", "~": r"\~{}",
}  # fmt: skip


def to_latex(page: Page) -> str:
    """Write a page as a LaTeX document. A picture is told in words: save it as SVG beside."""
    lines = [HEAD, r"\begin{document}"]
    if page.title:
        lines.append(rf"\section*{{{escaped(page.title)}}}")
    for block in page.blocks:
        lines += block_lines(block)
    return "\n".join([*lines, r"\end{document}", ""])


def block_lines(block: Block) -> Iterator[str]:
    """Yield the lines of one block."""
    match block:
        case Heading(text=text):
            yield rf"\subsection*{{{escaped(text)}}}"
        case Prose(text=text, label=label):
            name = rf"\textbf{{{escaped(label)}:}} " if label else ""
            yield "\n" + name + escaped(text).replace("\n", "\\\\\n") + "\n"
        case Math(latex=latex):
            yield f"\\begin{{equation*}}\n{latex}\n\\end{{equation*}}"
        case Picture(scene=scene):
            yield f"\n{escaped(scene.description or scene.title)}\n"
        case Table():
            count = max([len(block.heads), *map(len, block.rows)], default=0)
            sides = "".join("r" if side == "right" else "l" for side in block.align)
            yield rf"\begin{{tabular}}{{{sides.ljust(count, 'l')}}}"
            for row in ([block.heads] if block.heads else []) + list(block.rows):
                yield " & ".join(escaped(cell) for cell in row) + r" \\"
            yield r"\end{tabular}"
        case Code():
            from .page import Page

            text = to_text(Page("", (block,))).strip("\n")
            text = text.replace(r"\end{verbatim}", "")
            yield f"\\begin{{verbatim}}\n{text}\n\\end{{verbatim}}"


def escaped(text: str) -> str:
    """Escape what LaTeX reads as its own."""
    return re.sub(r"[\\{}$&#%_^~]", lambda found: SPECIAL[found[0]], text)
