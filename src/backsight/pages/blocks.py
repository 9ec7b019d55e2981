"""What a result looks like, before any output format: the blocks of a page. Data only.

Texts are plain: painters interpret no markup in them. A `severity` is `critical`, `warning`, `info`
or `ok`; "" is none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from .vector.scene import Scene

Align: TypeAlias = Literal["left", "right"]


@dataclass(frozen=True, slots=True)
class Heading:
    """A line that opens a section, with the severity of what follows."""

    text: str
    severity: str = ""


@dataclass(frozen=True, slots=True)
class Prose:
    """Running text; line breaks in it are kept, long lines are wrapped.

    `label` stands before it (`help: …`), `severity` puts its symbol first (a line of status).
    """

    text: str
    label: str = ""
    severity: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """A stretch of a source text to underline, and what to say about it.

    Lines are numbered as in the file; columns count characters from 1, `end_column` is one past the
    last, as in `Location`.
    """

    line: int
    end_line: int
    column: int
    end_column: int
    note: str = ""
    severity: str = ""


@dataclass(frozen=True, slots=True)
class Code:
    """Source text. With marks it is an excerpt: numbered, underlined, its long lines cropped.

    `first_line` numbers the first line of `text`; `caption` says where it is from.
    """

    text: str
    first_line: int = 1
    caption: str = ""
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells under their column heads; without heads it is a list of names and values.

    `align` is left where nothing is said. Short rows are filled up with empty cells.
    """

    rows: tuple[tuple[str, ...], ...]
    heads: tuple[str, ...] = ()
    align: tuple[Align, ...] = ()


@dataclass(frozen=True, slots=True)
class Math:
    """A line of mathematics: as plain text, and as LaTeX for those who can set it."""

    text: str
    latex: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture; where none can be shown, its description stands for it."""

    scene: Scene


Block: TypeAlias = Picture | Math | Heading | Prose | Code | Table
