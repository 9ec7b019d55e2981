"""Print a page as plain text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .layout import page_lines

if TYPE_CHECKING:
    from .page import Page


def to_text(page: Page, width: int = 88) -> str:
    """Return a page as text without colours, its lines wrapped at `width` cells.

    Code that is no excerpt is never cut, and neither is a word (a path, say) that is longer than a
    line of prose.
    """
    return "".join(f"{line.plain}\n" for line in page_lines(page, width))
