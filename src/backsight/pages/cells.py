"""Text in the cells of a terminal: how wide it is, where to break it, what may be shown of it.

Widths are summed character by character, as most terminals do it: a Chinese character takes two
cells, a combining accent none.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from itertools import accumulate

from rich.cells import cell_len

# What reorders text on the screen could show other code than the one that runs (CVE-2021-42574).
REORDERING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def printable(text: str) -> str:
    """Return the text with a visible sign for each character that would steer the terminal.

    Line breaks stay. The number of characters stays too, so that columns still fit.
    """
    if text.isprintable():
        return text
    return "".join(sign(character) for character in text)


def one_line(text: str) -> str:
    """Return the printable text with a sign for each line break too: a name, a caption."""
    return printable(text).replace("\n", "␊").rstrip(" ")


def sign(character: str) -> str:
    """Return a character that shows itself and does nothing else."""
    if character == "\n" or character.isprintable():
        return character
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    if character == "\x7f":
        return "␡"
    if unicodedata.category(character) == "Zs":
        return " "
    if character not in REORDERING and unicodedata.category(character) in ("Cf", "Co", "Cn"):
        return character  # joiners of emoji and letters, new emoji: they have a shape of their own
    return "�"


def width(text: str) -> int:
    """Return how many cells a line of text takes."""
    if text.isascii():
        return len(text)
    return sum(map(cell_len, text))


def offsets(text: str) -> list[int]:
    """Return the cell in which each character starts, and the first one after the text."""
    if text.isascii():
        return list(range(len(text) + 1))
    return list(accumulate(map(cell_len, text), initial=0))


def cut(text: str, start: int, end: int) -> str:
    """Return cells `start` to `end`; a wide character cut in two leaves a space."""
    if text.isascii():
        return text[start:end]
    places = offsets(text)
    pieces = []
    for character, here, after in zip(text, places, places[1:], strict=False):
        if start <= here and after <= end:
            pieces.append(character)
        else:
            pieces.append(" " * max(min(after, end) - max(here, start), 0))
    return "".join(pieces)


def crop(text: str, room: int) -> str:
    """Return a line that takes at most `room` cells, with an ellipsis for what was left out."""
    return text if width(text) <= room else cut(text, 0, max(room - 1, 0)) + "…"


def wrap(text: str, room: int, *, split_words: bool = False) -> list[str]:
    """Break a text into lines of at most `room` cells, at spaces.

    A longer word stays whole (a path can still be copied) unless `split_words`; Chinese and
    Japanese text, which has no spaces, is broken anywhere. Line breaks in the text are kept, and a
    line's indentation is that of its continuations.
    """
    lines: list[str] = []
    for paragraph in text.split("\n"):
        words = paragraph.lstrip(" ")
        indent = " " * min(len(paragraph) - len(words), max(room // 2, 0))
        if words.startswith(("- ", "• ")):
            first, indent, words = indent + words[:2], indent + "  ", words[2:]
        else:
            first = indent
        lines += filled(words, first, indent, max(room, 1), split_words)
    return lines


def filled(text: str, first: str, indent: str, room: int, split_words: bool) -> Iterator[str]:
    """Yield the lines of one paragraph; `first` begins the first one, `indent` the others."""
    line, empty = first, True
    for word in text.split(" "):
        if not empty and width(line) + 1 + width(word) > room:
            yield line.rstrip(" ")
            line, empty = indent, True
        line = line + word if empty else f"{line} {word}"
        empty = False
        while width(line) > room and (split_words or width(word) > len(word)):
            head = cut(line, 0, room).rstrip(" ") or line[: len(indent) + 1]
            if len(head) <= len(indent):
                head = line[: len(indent) + 1]
            yield head
            line = indent + line[len(head) :].lstrip(" ")
    yield line.rstrip(" ")
