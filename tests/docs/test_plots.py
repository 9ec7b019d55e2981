"""The page on plots: its program runs, and its table names the functions that there are."""

from __future__ import annotations

import re
from pathlib import Path

from backsight import pictures

from .test_pages import DOCS, follow


def test_the_program_draws_its_plots(tmp_path: Path) -> None:
    assert follow("plots.md", tmp_path) == 2
    for name in ("sigmoid", "loss", "flow", "histograms"):
        assert (tmp_path / f"{name}.svg").read_text("utf-8").startswith("<svg")


def test_every_picture_is_named() -> None:
    named = set(re.findall(r"`(draw_\w+)", (DOCS / "plots.md").read_text("utf-8")))
    assert named == {name for name in vars(pictures) if name.startswith("draw_")}
