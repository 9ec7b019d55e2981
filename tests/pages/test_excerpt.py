"""Source excerpts: the underline stands below the expression, whatever the line holds."""

from __future__ import annotations

import textwrap
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backsight.pages import Code, Mark, Page, to_text


def excerpt(text, *marks, first_line=1, width=60, caption=""):
    return to_text(Page("", (Code(text, first_line, caption, marks),)), width)


def golden(text):
    return textwrap.dedent(text).removeprefix("\n")


def test_an_expression_over_several_lines():
    text = "def f(x):\n    h = linear(\n        x,\n        w,\n    ).relu()\n    return h\n"
    shown = excerpt(text, Mark(8, 11, 9, 6, "half of the units are dead"), first_line=7)
    assert shown == golden(
        """
         7 │   def f(x):
         8 │       h = linear(
           │ ╭─────────^
         9 │ │         x,
        10 │ │         w,
        11 │ │     ).relu()
           │ ╰─────^
           │       ╰── half of the units are dead
        12 │       return h
        """
    )


def test_the_middle_of_a_very_long_expression_is_left_out():
    text = "h = f(\n" + "".join(f"    x{i},\n" for i in range(20)) + ")\n"
    assert excerpt(text, Mark(1, 22, 5, 2, "too many")) == golden(
        """
         1 │   h = f(
           │ ╭─────^
         2 │ │     x0,
         3 │ │     x1,
           │ │ ⋮
        20 │ │     x18,
        21 │ │     x19,
        22 │ │ )
           │ ╰─^
           │   ╰── too many
        """
    )


def test_one_expression_inside_another():
    text = "h = f(\n    g(x),\n    g(\n        y\n    ),\n)"
    shown = excerpt(
        text, Mark(1, 6, 5, 2, "outer"), Mark(3, 5, 5, 6, "inner"), Mark(2, 2, 5, 9, "short")
    )
    assert shown == golden(
        """
        1 │     h = f(
          │ ╭───────^
        2 │ │       g(x),
          │ │       ^^^^
          │ │       ╰── short
        3 │ │       g(
          │ │ ╭─────^
        4 │ │ │         y
        5 │ │ │     ),
          │ │ ╰─────^
          │ │       ╰── inner
        6 │ │   )
          │ ╰───^
          │     ╰── outer
        """
    )


def test_two_expressions_on_one_line():
    shown = excerpt("y = f(x) + g(x)", Mark(1, 1, 5, 9, "left"), Mark(1, 1, 12, 16, "right"))
    assert shown == golden(
        """
        1 │ y = f(x) + g(x)
          │            ^^^^
          │            ╰── right
          │     ^^^^
          │     ╰── left
        """
    )


def test_wide_and_combining_characters():
    shown = excerpt("損失 = clip(e\u0301, 'é')", Mark(1, 1, 6, 19, "clips"))
    assert shown == golden(
        """
        1 │ 損失 = clip(e\u0301, 'é')
          │        ^^^^^^^^^^^^
          │        ╰── clips
        """
    )


def test_tabs_are_spread_and_count_as_one_column():
    shown = excerpt("\tif x:\n\t\ty\t= f(x)", Mark(2, 2, 7, 11, "here"))
    assert shown == golden(
        """
        1 │     if x:
        2 │         y   = f(x)
          │               ^^^^
          │               ╰── here
        """
    )


def test_a_long_line_moves_its_expression_into_sight():
    text = "loss = " + "a + " * 50 + "clamp(x, 0, 1)" + " + b" * 50
    shown = excerpt(text, Mark(1, 1, 208, 222, "flat"), width=40)
    assert shown == golden(
        """
        1 │ … + a + clamp(x, 0, 1) + b + b + b …
          │         ^^^^^^^^^^^^^^
          │         ╰── flat
        """
    )


def test_the_end_of_a_long_line():
    text = "loss = " + "a + " * 50 + "clamp(x, 0, 1)"
    shown = excerpt(text, Mark(1, 1, 208, 222), width=40)
    assert shown == golden(
        """
        1 │ … a + a + a + a + a + clamp(x, 0, 1)
          │                       ^^^^^^^^^^^^^^
        """
    )


def test_an_expression_longer_than_the_line():
    shown = excerpt("h = f(" + "x, " * 40 + ")", Mark(1, 1, 5, 128, "long"), width=30)
    assert shown == golden(
        """
        1 │ …f(x, x, x, x, x, x, x, x…
          │  ^^^^^^^^^^^^^^^^^^^^^^^^^
          │  ╰── long
        """
    )


def test_a_note_without_room_is_led_back_to_the_left():
    text = "h = first(second(third(fourth(x))))"
    note = "half of the units are never active on any input"
    assert excerpt(text, Mark(1, 1, 31, 32, note), width=42) == golden(
        """
        1 │ h = first(second(third(fourth(x))))
          │                               ^
          │ ╭─────────────────────────────╯
          │ ╰── half of the units are never active
          │     on any input
        """
    )


@pytest.mark.parametrize(
    "mark",
    [
        Mark(0, 0, 0, 0, "n"),
        Mark(1, 1, 5, 5, "empty"),
        Mark(1, 1, 90, 99, "beyond"),
        Mark(5, 9, 1, 2, "below"),
        Mark(2, 1, 4, 2, "backwards"),
        Mark(-3, 99, -1, 99, "everything"),
    ],
)
def test_marks_outside_the_text_are_brought_inside(mark):
    shown = excerpt("a = 1\nb = 2", mark, width=30)
    assert "a = 1" in shown
    assert "b = 2" in shown
    assert mark.note in shown
    assert "^" in shown


def cells(text):
    """Count terminal cells by Unicode's own tables."""
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    combining = sum(unicodedata.combining(character) > 0 for character in text)
    return len(text) + wide - combining


CHARACTERS = st.text(st.sampled_from("ab(),. _é漢ｆe\u0301"), min_size=1, max_size=30)


@given(CHARACTERS, st.data())
def test_carets_stand_below_the_expression(text, data):
    text = f"'{text}'"
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    _, underline = excerpt(text, Mark(1, 1, start + 1, end + 1), width=100).splitlines()
    before, expression = cells(text[:start]), max(cells(text[start:end]), 1)
    assert underline == "  │ " + " " * before + "^" * expression


@given(CHARACTERS, st.integers(0, 40), st.integers(12, 30))
def test_no_row_is_wider_than_the_terminal(text, column, width):
    shown = excerpt(text * 3, Mark(1, 1, column, column + 5), width=width)
    assert all(cells(line) <= width for line in shown.splitlines())
