"""Pages as plain text: golden pages, narrow terminals, foreign scripts, hostile text."""

from __future__ import annotations

import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backsight.errors import UsageError
from backsight.pages import Code, HasPage, Heading, Mark, Page, Prose, Table, to_text

PAGE = Page(
    "Backsight: 1 finding in dqn.py",
    (
        Prose("200 steps watched, 31 of them probed", severity="info"),
        Heading("BS301 clip-blocks-loss", "critical"),
        Code(
            "delta = target - q\nreturn torch.clamp(delta, -1, 1).mean()",
            40,
            "dqn.py:41, in loss",
            (Mark(41, 41, 8, 33, "no gradient passes for 87 % of the elements", "critical"),),
        ),
        Prose("The clipped error learns nothing there, because clamp is flat outside [-1, 1]."),
        Prose("huber_loss(q, target), which clips the gradient and not the value", label="help"),
        Prose("backsight explain BS301", label="see"),
        Table(
            (("fc1.weight", "1.2e-7"), ("fc2.weight", "0.034")),
            ("parameter", "gradient rms"),
            ("left", "right"),
        ),
        Prose("nothing else found", severity="ok"),
    ),
)


def block(*blocks, width=60):
    return to_text(Page("", blocks), width)


def golden(text):
    return textwrap.dedent(text).removeprefix("\n")


def test_a_page():
    assert str(PAGE) == golden(
        """
        Backsight: 1 finding in dqn.py
        ══════════════════════════════

        ● 200 steps watched, 31 of them probed

        ✖ BS301 clip-blocks-loss

           ╭─ dqn.py:41, in loss
        40 │ delta = target - q
        41 │ return torch.clamp(delta, -1, 1).mean()
           │        ^^^^^^^^^^^^^^^^^^^^^^^^^
           │        ╰── no gradient passes for 87 % of the elements

        The clipped error learns nothing there, because clamp is flat outside [-1, 1].
        help: huber_loss(q, target), which clips the gradient and not the value
        see: backsight explain BS301

        parameter   gradient rms
        ──────────  ────────────
        fc1.weight        1.2e-7
        fc2.weight         0.034

        ✔ nothing else found
        """
    )


def test_the_same_page_in_a_narrow_terminal():
    assert to_text(PAGE, 36) == golden(
        """
        Backsight: 1 finding in dqn.py
        ══════════════════════════════

        ● 200 steps watched, 31 of them
          probed

        ✖ BS301 clip-blocks-loss

           ╭─ dqn.py:41, in loss
        40 │ delta = target - q
        41 │ … torch.clamp(delta, -1, 1).me…
           │   ^^^^^^^^^^^^^^^^^^^^^^^^^
           │   ╰── no gradient passes for 87
           │       % of the elements

        The clipped error learns nothing
        there, because clamp is flat outside
        [-1, 1].
        help: huber_loss(q, target), which
              clips the gradient and not the
              value
        see: backsight explain BS301

        parameter   gradient rms
        ──────────  ────────────
        fc1.weight        1.2e-7
        fc2.weight         0.034

        ✔ nothing else found
        """
    )


@pytest.mark.parametrize("width", [1, 2, 3, 5, 8, 13, 20, 500])
def test_any_width_is_survived(width):
    assert "clamp" in to_text(PAGE, width) or width < 30


@pytest.mark.parametrize("text", ["[red]fire[/red]", "[/]", "[link=x]", ":fire:", "\\[b]", "{0}%s"])
def test_markup_in_users_text_is_literal(text):
    page = Page(
        text,
        (
            Heading(text, "warning"),
            Prose(text, label=text),
            Code(text, 1, text, (Mark(1, 1, 1, 3, text),)),
            Code(text),
            Table(((text,),), (text,)),
        ),
    )
    assert to_text(page).count(text) == 10


def test_control_characters_are_shown_and_do_nothing():
    """An escape sequence in a file name must not clear the screen, nor reordering hide code."""
    shown = block(Prose("a\x1b[2Jb\x07\r\x7f\x9b"), Prose("\u202eevil\u2066", label="see"))
    assert shown == "a␛[2Jb␇␍␡�\nsee: �evil�\n"
    assert block(Prose("undecodable \udcff")) == "undecodable �\n"


def test_severity_is_a_symbol_before_it_is_a_colour():
    shown = block(*(Heading(name, name) for name in ("critical", "warning", "info", "ok", "odd")))
    assert shown == "✖ critical\n\n▲ warning\n\n● info\n\n✔ ok\n\nodd\n"


def test_prose_keeps_its_line_breaks_and_indentation():
    text = (
        "first\n\n  - an item that is long enough to be wrapped\n  - another\n    more of it here"
    )
    assert block(Prose(text), width=24) == golden(
        """
        first

          - an item that is long
            enough to be wrapped
          - another
            more of it here
        """
    )


def test_a_path_is_never_broken():
    path = "/home/someone/a/very/long/path/to/a/training/script.py"
    assert path in block(Prose(f"written to {path}"), width=20)


def test_chinese_text_has_no_spaces_and_is_broken_anywhere():
    assert block(Prose("梯度消失在第一层"), width=7) == "梯度消\n失在第\n一层\n"


def test_wide_characters_in_tables():
    table = Table((("重み", "1.0"), ("e\u0301", "20")), ("名前", "rms"), ("left", "right"))
    assert block(table) == golden(
        """
        名前  rms
        ────  ───
        重み  1.0
        e\u0301      20
        """
    )


WIDE = Table((("layers.0.attention.weight", "1e-7", "a sentence that is rather long"),))


def test_a_wide_table_is_wrapped_at_spaces_first():
    assert block(WIDE, width=44) == golden(
        """
        layers.0.attention.weight  1e-7  a sentence
                                         that is
                                         rather long
        """
    )


def test_a_wider_table_is_wrapped_in_its_longest_words():
    assert block(WIDE, width=24) == golden(
        """
        layers.0  1e-7  a
        .attenti        sentence
        on.weigh        that is
        t               rather
                        long
        """
    )


def test_ragged_and_empty_tables():
    assert block(Table((("a",), ("b", "c")), ("x",))) == "x\n─  ─\na\nb  c\n"
    assert block(Table(())) == ""
    assert block(Table((), ("name", "rms"))) == "name  rms\n────  ───\n"


def test_code_without_marks_is_printed_whole():
    line = "x = " + "1 + " * 100 + "1"
    shown = block(Code(f"{line}\n\n\tif x:\r\n", caption="emitted.py"), width=40)
    assert shown == f"emitted.py\n{line}\n\n    if x:\n"


def test_an_empty_page():
    assert to_text(Page("")) == ""
    assert to_text(Page("Title")) == "Title\n═════\n"


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=40)


def test_a_file_name_with_a_line_break_stays_on_one_line():
    assert "╭─ a␊b.py\n" in block(Code("x", 1, "a\nb.py", (Mark(1, 1, 1, 2),)))


@given(WORDS, WORDS, st.integers(0, 90))
def test_any_text_at_any_width(text, other, width):
    page = Page(
        text,
        (
            Prose(other, text, "info"),
            Table(((text, other),)),
            Code(text, 1, other, (Mark(1, 1, 2, 5, other), Mark(1, 3, 1, 2, text))),
        ),
    )
    shown = to_text(page, width)
    assert all(character == "\n" or ord(character) >= 0x20 for character in shown)
    assert not any(line.endswith(" ") for line in shown.split("\n"))


def test_save_writes_text(tmp_path):
    PAGE.save(tmp_path / "page.TXT")
    assert (tmp_path / "page.TXT").read_text(encoding="utf-8") == str(PAGE)


@pytest.mark.parametrize(
    ("name", "what"), [("page.docx", "as .docx"), ("page", "without a suffix")]
)
def test_save_names_the_formats_there_are(name, what, tmp_path):
    with pytest.raises(
        UsageError, match=rf"cannot be saved {what}; it can be saved as \.txt, \.html"
    ):
        PAGE.save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_result_has_a_page():
    class Result:
        def page(self) -> Page:
            return PAGE

    result: HasPage = Result()
    assert result.page() is PAGE
