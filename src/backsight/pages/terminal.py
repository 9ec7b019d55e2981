"""Print a page to a terminal, with colours where it has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from .layout import page_lines

if TYPE_CHECKING:
    from .page import Page

WIDEST = 120  # cells; longer lines of prose are hard to read
PLAIN_SIGNS = str.maketrans(
    dict(zip("✖▲●✔═─│╭╰╯…⋮•−×÷≤≥≠→’“”", 'x!*+=-|,``.:*-x/<>#>\'""', strict=True))
)


def to_terminal(page: Page, console: Console) -> None:
    """Print a page, as wide as the terminal is.

    Where the terminal's encoding lacks a character, a plain one of the same width stands for it.
    """
    for line in page_lines(page, min(console.width, WIDEST)):
        shown = encodable(line, console.encoding)
        console.print(shown, soft_wrap=True, highlight=False)


def encodable(line: Text, encoding: str) -> Text:
    """Return a line in the characters that an encoding has."""
    try:
        line.plain.encode(encoding)
    except UnicodeEncodeError:
        plain = "".join(character_in(encoding, character) for character in line.plain)
        return Text(plain, style=line.style, spans=line.spans)
    return line


def character_in(encoding: str, character: str) -> str:
    """Return a character, or the plain one that stands for it."""
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return character.translate(PLAIN_SIGNS) if ord(character) in PLAIN_SIGNS else "?"
    return character
