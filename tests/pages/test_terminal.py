"""Pages in a terminal: the text is that of the plain page, colours only repeat it."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from backsight.pages import Code, Heading, Mark, Page, Prose, Table, to_terminal, to_text

PAGE = Page(
    "A page [b]",
    (
        Heading("critical", "critical"),
        Prose("help [red] 1 2.0 'text' http://x", label="help"),
        Code("h = f(漢)", 3, "a.py:3", (Mark(3, 3, 5, 9, "note", "warning"),)),
        Table((("a", "b"),), ("x", "y")),
    ),
)


def printed(page, width=60, encoding="utf-8", **options):
    buffer = io.BytesIO()
    file = io.TextIOWrapper(buffer, encoding=encoding, newline="")
    to_terminal(page, Console(file=file, width=width, **options))
    file.flush()
    return buffer.getvalue().decode(encoding)


def test_without_colours_it_is_the_plain_page():
    assert printed(PAGE, color_system=None) == to_text(PAGE, 60)


def test_with_colours_only_the_colours_are_added():
    shown = printed(PAGE, force_terminal=True, color_system="standard", _environ={})
    assert "\x1b[1;31m✖" in shown
    assert re.sub(r"\x1b\[[\d;]*m", "", shown) == to_text(PAGE, 60)


def test_numbers_and_addresses_are_not_highlighted():
    shown = printed(Page("", (Prose("1 2.0 'x' http://x"),)), force_terminal=True, _environ={})
    assert shown == "1 2.0 'x' http://x\n"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "cp437"])
def test_a_terminal_that_lacks_the_characters_gets_plain_ones(encoding):
    shown = printed(PAGE, encoding=encoding)
    assert " critical\n" in shown
    assert "`-- note" in shown or "── note" in shown
    assert len(shown.splitlines()) == len(to_text(PAGE, 60).splitlines())


def test_ascii():
    page = Page("Title", (Prose("fine", severity="ok"), PAGE.blocks[2]))
    assert printed(page, encoding="ascii").splitlines() == [
        "Title",
        "=====",
        "",
        "+ fine",
        "",
        "  ,- a.py:3",
        "3 | h = f(?)",
        "  |     ^^^^^",
        "  |     `-- note",
    ]


def test_a_long_line_of_code_is_left_to_the_terminal():
    line = "x = " + "1 + " * 60 + "1"
    assert printed(Page("", (Code(line),)), width=40) == f"{line}\n"
