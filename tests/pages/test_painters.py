"""HTML, Markdown, LaTeX and SVG: nothing that users name becomes markup, and nothing is lost."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from backsight.errors import UsageError
from backsight.pages import Code, Heading, Mark, Math, Page, Picture, Prose, Table
from backsight.pages.html import to_html
from backsight.pages.latex import to_latex
from backsight.pages.markdown import to_markdown
from backsight.pages.vector.scene import Bars, Box, Label, Line, Scene

NASTY = "<script>alert('x')</script> & $x_1$ `a` |b| \\end{verbatim} *c* #d %e"
SOURCE = "def f(x):\n    return torch.clamp(x, -1, 1)\n"
SCENE = Scene(
    100,
    50,
    (
        Box(0, 0, 40, 20, "op", tip=NASTY),
        Line(((0, 0), (50, 30)), "wire", arrow=True),
        Label(5, 5, NASTY, "value"),
        Bars(0, 0, 40, 10, (0.5, -1.0, 2.0), "gradient"),
    ),
    "a picture",
    "one box",
)
PAGE = Page(
    f"Title {NASTY}",
    (
        Heading("critical one", "critical"),
        Prose(NASTY, label="help", severity="warning"),
        Code(SOURCE, 7, "f.py:8", (Mark(8, 8, 12, 33, NASTY, "critical"),)),
        Code(NASTY),
        Math("∂C/∂a = 1", r"\frac{\partial C}{\partial a} = 1"),
        Table((("a", "1"), (NASTY,)), ("name", "value"), ("left", "right")),
        Picture(SCENE),
    ),
)


class Reader(HTMLParser):
    """Collects elements and the text in them."""

    VOID = ("meta", "rect", "path", "br")

    def __init__(self, document: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(document)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open:
            self.texts.setdefault(self.open[-1], []).append(data)


def test_html_is_balanced_and_free_of_scripts() -> None:
    reader = Reader(to_html(PAGE))
    assert reader.open == []
    names = [name for name, _ in reader.elements]
    assert "script" not in names
    assert {"article", "h1", "h2", "pre", "mark", "table", "svg"} <= set(names)
    assert NASTY in "".join(reader.texts["div"])
    assert NASTY in reader.texts["text"]
    assert reader.texts["mark"] == ["torch.clamp(x, -1, 1)"]
    outside = [v for _, a in reader.elements for k, v in a.items() if k in ("src", "href")]
    assert outside == []


def test_severity_is_told_without_colour() -> None:
    document = to_html(PAGE)
    assert "✖ critical one" in document
    assert "▲ " in document


def test_crossing_marks_do_not_break_the_elements() -> None:
    marks = (Mark(1, 1, 1, 6, "a", "critical"), Mark(1, 1, 4, 9, "b", "warning"))
    reader = Reader(to_html(Page("", (Code("abcdefghij", marks=marks),))))
    assert reader.open == []
    assert reader.texts["mark"] == ["abcde"]


def test_markdown_keeps_mathematics_and_escapes_the_rest() -> None:
    text = to_markdown(PAGE)
    assert "$$\n\\frac{\\partial C}{\\partial a} = 1\n$$" in text
    outside = re.sub(r"(?ms)^```.*?^```$", "", text)  # fenced text is shown as it is
    assert "<script>" not in outside
    assert r"\<script\>" in outside
    assert "| name | value |\n| --- | ---: |" in text
    assert "data:image/svg+xml;base64," in text
    assert "^^^^^^^^^" in text


def test_markdown_fences_are_longer_than_what_they_hold() -> None:
    assert "````python\n```\n````" in to_markdown(Page("", (Code("```"),)))


def test_latex_is_balanced_and_escaped() -> None:
    text = to_latex(PAGE)
    for name in ("document", "verbatim", "tabular", "equation*"):
        assert text.count(rf"\begin{{{name}}}") == text.count(rf"\end{{{name}}}") >= 1
    assert r"\$x\_1\$" in text


@pytest.mark.parametrize("suffix", [".txt", ".html", ".md", ".tex", ".svg"])
def test_saving_picks_the_painter_by_suffix(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"page{suffix}"
    PAGE.save(path)
    first = path.read_bytes()
    PAGE.save(path)
    assert path.read_bytes() == first
    assert len(first) > 100


def test_svg_holds_exactly_one_picture(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no pictures cannot be saved as \.svg"):
        Page("", ()).save(tmp_path / "x.svg")


def test_notebooks_show_pages() -> None:
    assert PAGE._repr_html_().startswith('<article class="page">')
    assert PAGE._repr_markdown_().startswith("# Title")
