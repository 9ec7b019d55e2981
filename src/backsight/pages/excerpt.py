"""A source excerpt as compilers print it: numbered lines, the expression underlined, a note below.

       ╭─ dqn.py:41, in loss
    40 │ delta = target - q
    41 │ loss = torch.clamp(delta, -1, 1).mean()
       │        ^^^^^^^^^^^^^^^^^^^^^^^^^
       │        ╰── no gradient passes for 87 % of the elements

An expression over several lines gets a bar beside them:

    41 │   h = linear(
       │ ╭─────^
    42 │ │     x, w,
    43 │ │ )
       │ ╰─^
       │   ╰── half of the units are dead
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rich.text import Text

from .blocks import Code, Mark
from .cells import cut, offsets, one_line, printable, width, wrap

TAB = 4
MARGIN = 8  # cells shown to the left of an expression in a cropped line
LEAST_NOTE = 28  # cells; a note that would get less starts at the left
LONGEST_SPAN = 10  # lines; of a longer expression the middle is left out
SHOWN_ENDS = 3  # lines shown at each end of it


@dataclass(frozen=True, slots=True)
class Line:
    """A source line as shown, with the cell in which each of its characters starts."""

    text: str
    cells: list[int]

    def cell(self, column: int) -> int:
        """Return the cell of a column; columns outside the line count as its ends."""
        return self.cells[min(max(column - 1, 0), len(self.cells) - 1)]


def code_lines(code: Code, room: int, styles: Mapping[str, str]) -> Iterator[Text]:
    """Yield the lines of a piece of code; of an excerpt, if it has marks."""
    if not code.marks:
        if code.caption:
            yield Text(one_line(code.caption), style="dim")
        for line in source_rows(code):
            yield Text(line.text.rstrip(" "))
        return
    yield from Excerpt(code, room, styles).lines()


def source_rows(code: Code) -> list[Line]:
    """Return the lines of a text with their tabs spread out."""
    text = code.text.replace("\r\n", "\n").removesuffix("\n")
    return [spread(line) for line in text.split("\n")]


def spread(text: str) -> Line:
    """Return a line without tabs."""
    if "\t" not in text:
        text = printable(text)
        return Line(text, offsets(text))
    pieces: list[str] = []
    cells = [0]
    for character in text:
        if character == "\t":
            pieces.append(" " * (TAB - cells[-1] % TAB))
        else:
            pieces.append(printable(character))
        cells.append(cells[-1] + width(pieces[-1]))
    return Line("".join(pieces), cells)


class Excerpt:
    """The layout of one excerpt: which lines are shown, which cells of them, what stands below."""

    def __init__(self, code: Code, room: int, styles: Mapping[str, str]) -> None:
        self.code = code
        self.styles = styles
        self.source = source_rows(code)
        self.last = code.first_line + len(self.source) - 1
        self.marks = sorted(map(self.within, code.marks), key=lambda mark: (mark.line, mark.column))
        self.tall = [mark for mark in self.marks if mark.end_line > mark.line]
        self.digits = len(str(self.last))
        self.room = max(room - self.digits - 3 - 2 * len(self.tall), 8)

    def within(self, mark: Mark) -> Mark:
        """Return a mark that lies inside the text."""
        line = min(max(mark.line, self.code.first_line), self.last)
        end_line = min(max(mark.end_line, line), self.last)
        return Mark(line, end_line, mark.column, mark.end_column, mark.note, mark.severity)

    def lines(self) -> Iterator[Text]:
        """Yield the caption, the source lines and what stands below each of them."""
        if self.code.caption:
            caption = f"╭─ {one_line(self.code.caption)}".rstrip(" ")
            yield Text(" " * (self.digits + 1) + caption, style="dim")
        hidden = self.hidden()
        for number in range(self.code.first_line, self.last + 1):
            if number in hidden:
                if number - 1 not in hidden:
                    yield self.row("", self.bars(number), ("⋮", "dim"))
                continue
            left = self.window(number)
            yield self.row(str(number), self.bars(number), (self.shown(number, left), ""))
            for mark in self.marks:
                if mark.line == number:
                    yield from self.opened(mark, left)
            for mark in reversed(self.marks):
                if mark.end_line == number:
                    yield from self.closed(mark, left)

    def hidden(self) -> set[int]:
        """Return the numbers of the lines in the middle of long expressions."""
        hidden: set[int] = set()
        for mark in self.tall:
            if mark.end_line - mark.line >= LONGEST_SPAN:
                hidden |= {*range(mark.line + SHOWN_ENDS, mark.end_line - SHOWN_ENDS + 1)}
        return hidden - {number for mark in self.marks for number in (mark.line, mark.end_line)}

    def line(self, number: int) -> Line:
        """Return a source line by its number."""
        return self.source[number - self.code.first_line]

    def window(self, number: int) -> int:
        """Return the first cell shown of a line: a long one moves its expression into sight."""
        line = self.line(number)
        size = line.cells[-1]
        if size <= self.room:
            return 0
        wanted = [
            (line.cell(mark.column), line.cell(mark.end_column))
            for mark in self.marks
            if mark.line == mark.end_line == number
        ]
        wanted += [(cell, cell + 1) for mark in self.tall for cell in self.ends(mark, number)]
        start, end = min(wanted, default=(0, 0))
        if end <= self.room - 1:
            return 0
        margin = min(MARGIN, max((self.room - (end - start) - 2) // 2, 1))
        return max(min(start - margin, size - self.room), 0)

    def ends(self, mark: Mark, number: int) -> list[int]:
        """Return the cells at which an expression over several lines begins or ends in a line."""
        line = self.line(number)
        cells = [line.cell(mark.column)] if mark.line == number else []
        return [*cells, self.last_cell(mark)] if mark.end_line == number else cells

    def last_cell(self, mark: Mark) -> int:
        """Return the cell of the last character of an expression."""
        return self.line(mark.end_line).cell(mark.end_column - 1)

    def shown(self, number: int, left: int) -> str:
        """Return the part of a line that is shown, with an ellipsis where it is cropped."""
        line = self.line(number)
        if left == 0 and line.cells[-1] <= self.room:
            return line.text.rstrip(" ")
        text = cut(line.text, left, left + self.room)
        if left:
            text = "…" + cut(text, 1, self.room)
        if left + self.room < line.cells[-1]:
            text = cut(text, 0, self.room - 1) + "…"
        return text

    def bars(self, number: int, *, below: bool = False) -> list[tuple[str, str]]:
        """Return the bars beside a line, or beside what stands below it, one for each tall mark."""
        return [
            (
                "│ " if mark.line < number + below and number + below <= mark.end_line else "  ",
                self.style(mark),
            )
            for mark in self.tall
        ]

    def style(self, mark: Mark) -> str:
        """Return the style of a mark."""
        return self.styles.get(mark.severity, "bold")

    def row(self, number: str, bars: list[tuple[str, str]], *parts: tuple[str, str]) -> Text:
        """Return one printed line behind its gutter."""
        text = Text.assemble((f"{number:>{self.digits}} │ ", "dim"), *bars, *parts)
        text.rstrip()
        return text

    def opened(self, mark: Mark, left: int) -> Iterator[Text]:
        """Yield the line below the first line of an expression over several lines."""
        if mark.end_line > mark.line:
            cell = self.line(mark.line).cell(mark.column)
            yield self.elbow("╭", mark, mark.line, cell - left)

    def closed(self, mark: Mark, left: int) -> Iterator[Text]:
        """Yield the lines below the last line of an expression: its underline and its note."""
        if mark.end_line > mark.line:
            start = min(max(self.last_cell(mark) - left, 0), self.room - 1)
            yield self.elbow("╰", mark, mark.end_line, start)
        else:
            line = self.line(mark.line)
            first, after = line.cell(mark.column), line.cell(mark.end_column)
            start = min(max(first - left, 0), self.room - 1)
            end = min(max(after - left, start + 1), self.room)
            carets = " " * start + "^" * (end - start)
            yield self.row("", self.bars(mark.line, below=True), (carets, self.style(mark)))
        yield from self.note(mark, start)

    def elbow(self, corner: str, mark: Mark, number: int, cell: int) -> Text:
        """Return the line that joins the bar of an expression to a cell of the text."""
        bars = self.bars(number, below=True)
        place = self.tall.index(mark)
        cell = min(max(cell, 0), self.room - 1)
        dashes = "─" * (2 * (len(bars) - place) - 1 + cell)
        return self.row("", bars[:place], (f"{corner}{dashes}^", self.style(mark)))

    def note(self, mark: Mark, start: int) -> Iterator[Text]:
        """Yield the note below an underline; where the room is short, led back to the left."""
        if not mark.note:
            return
        bars, style = self.bars(mark.end_line, below=True), self.style(mark)
        note = printable(mark.note)
        hook = "╰── "
        needed = min(LEAST_NOTE, max(map(width, note.split("\n"))))
        if start > len(hook) and self.room - start - len(hook) < needed:
            yield self.row("", bars, (f"╭{'─' * (start - 1)}╯", style))
            start = 0
        for line in wrap(note, self.room - start - len(hook)):
            yield self.row("", bars, (" " * start + hook + line, style))
            hook = "    "
