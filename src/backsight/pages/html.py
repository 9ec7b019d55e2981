"""A page as HTML: one self-contained document, or the part of it that goes into another."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING

from .blocks import Block, Code, Heading, Mark, Math, Picture, Prose, Table
from .vector.svg import printable, to_svg

if TYPE_CHECKING:
    from .page import Page

SYMBOLS = {"critical": "✖", "warning": "▲", "info": "●", "ok": "✔"}

STYLE = """
.page{--ink:#1b1b1b;--paper:#fff;--soft:#666;--faint:#ddd;--fill:#f6f6f4;
--critical:#b3121a;--warning:#9a5b00;--info:#0b5c8a;--ok:#1d6b2c;
color:var(--ink);background:var(--paper);font:15px/1.5 system-ui,sans-serif;max-width:72rem;
margin:0 auto;padding:1rem}
@media (prefers-color-scheme:dark){.page{--ink:#ececec;--paper:#161616;--soft:#a3a3a3;
--faint:#3a3a3a;--fill:#222;--critical:#ff7b78;--warning:#f0b352;--info:#6fc0f0;--ok:#7fd08f}}
.page h1{font-size:1.4rem}.page h2{font-size:1.1rem;margin:1.6em 0 .4em}
.page pre{background:var(--fill);padding:.6rem .8rem;overflow-x:auto;border-radius:6px;
font:13px/1.45 ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace}
.page .caption{color:var(--soft);font-size:.85em}
.page .number{color:var(--soft);user-select:none}
.page mark{background:none;color:inherit;font-weight:600;text-decoration:underline wavy 1.5px}
.page .note{font-style:italic}
.page .critical{color:var(--critical)}.page .warning{color:var(--warning)}
.page .info{color:var(--info)}.page .ok{color:var(--ok)}
.page mark.critical,.page mark.warning,.page mark.info{color:inherit;
text-decoration-color:currentColor}
.page .label{font-weight:600}
.page .math{font-family:"STIX Two Math","Cambria Math",serif;font-size:1.1em;margin:.2em 0 .2em 2em;
overflow-x:auto;white-space:nowrap}
.page .prose{white-space:pre-line;margin:.5em 0}
.page table{border-collapse:collapse}.page td,.page th{padding:.15em .8em .15em 0;text-align:left;
border-bottom:1px solid var(--faint);vertical-align:top}.page .right{text-align:right}
.page .picture{overflow-x:auto;margin:1em 0}
""".strip()


def to_html(page: Page) -> str:
    """Write a page as an HTML document that needs nothing else."""
    title = escape(printable(page.title))
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        f"<title>{title}</title>\n</head>\n<body>\n{to_fragment(page)}</body>\n</html>\n"
    )


def to_fragment(page: Page) -> str:
    """Write a page as one element with its style, to stand inside a document or a notebook."""
    lines = ['<article class="page">', f"<style>{STYLE}</style>"]
    if page.title:
        lines.append(f"<h1>{escape(printable(page.title))}</h1>")
    for block in page.blocks:
        lines += block_lines(block)
    return "\n".join([*lines, "</article>", ""])


def block_lines(block: Block) -> Iterator[str]:
    """Yield the elements of one block."""
    match block:
        case Heading(text=text, severity=severity):
            yield f"<h2{kind(severity)}>{symbol(severity)}{words(text)}</h2>"
        case Prose(text=text, label=label, severity=severity):
            name = f'<span class="label">{words(label)}:</span> ' if label else ""
            sign = f"<span{kind(severity)}>{symbol(severity)}</span>" if severity else ""
            yield f'<div class="prose">{sign}{name}{words(text)}</div>'
        case Math(text=text):
            yield f'<div class="math">{words(text)}</div>'
        case Picture(scene=scene):
            yield f'<div class="picture">{to_svg(scene)}</div>'
        case Table():
            yield from table_lines(block)
        case Code():
            yield from code_lines(block)


def words(text: str) -> str:
    """Escape a text for HTML."""
    return escape(printable(text))


def kind(severity: str) -> str:
    """Return the class attribute of a severity."""
    return f' class="{severity}"' if severity in SYMBOLS else ""


def symbol(severity: str) -> str:
    """Return the symbol of a severity, which tells it without colour."""
    return f"{SYMBOLS[severity]} " if severity in SYMBOLS else ""


def table_lines(table: Table) -> Iterator[str]:
    """Yield a table."""
    count = max([len(table.heads), *map(len, table.rows)], default=0)
    align = [*table.align, *["left"] * count][:count]
    classes = [' class="right"' if side == "right" else "" for side in align]
    yield "<table>"
    if table.heads:
        cells = zip(table.heads, classes, strict=False)
        yield "<tr>" + "".join(f"<th{c}>{words(head)}</th>" for head, c in cells) + "</tr>"
    for row in table.rows:
        filled = [*row, *[""] * (count - len(row))]
        cells = zip(filled, classes, strict=True)
        yield "<tr>" + "".join(f"<td{c}>{words(cell)}</td>" for cell, c in cells) + "</tr>"
    yield "</table>"


def code_lines(code: Code) -> Iterator[str]:
    """Yield source text; of an excerpt, with numbers, marks and what is said about them."""
    if code.caption:
        yield f'<div class="caption">{words(code.caption)}</div>'
    lines = code.text.replace("\r\n", "\n").removesuffix("\n").split("\n")
    if not code.marks:
        yield f"<pre>{words(chr(10).join(lines))}</pre>"
        return
    room = len(str(code.first_line + len(lines) - 1))
    shown = []
    for number, line in enumerate(lines, start=code.first_line):
        shown.append(f'<span class="number">{number:>{room}} │ </span>{marked(line, number, code)}')
        shown += [
            f'<span class="number">{" " * room} │ </span>'
            f'<span class="note {mark.severity}">{" " * (mark.column - 1)}╰── '
            f"{words(mark.note)}</span>"
            for mark in code.marks
            if mark.end_line == number and mark.note
        ]
    yield "<pre>" + "\n".join(shown) + "</pre>"


def marked(line: str, number: int, code: Code) -> str:
    """Return a line with its marked stretches in elements; where marks cross, the first counts."""
    stretches = sorted(stretch(mark, line, number) for mark in code.marks)
    parts, at = [], 0
    for begin, end, severity in stretches:
        if begin >= at and end > begin:
            inside = words(line[begin:end])
            parts += [words(line[at:begin]), f'<mark class="{severity}">{inside}</mark>']
            at = end
    return "".join([*parts, words(line[at:])])


def stretch(mark: Mark, line: str, number: int) -> tuple[int, int, str]:
    """Return from where to where a mark covers a line, 0 to 0 if it does not."""
    if not mark.line <= number <= mark.end_line:
        return 0, 0, ""
    indent = len(line) - len(line.lstrip())
    begin = mark.column - 1 if number == mark.line else indent
    end = mark.end_column - 1 if number == mark.end_line else len(line.rstrip())
    return begin, end, mark.severity
