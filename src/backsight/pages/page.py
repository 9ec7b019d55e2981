"""A page: a title and blocks. Every result has one."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ..errors import UsageError
from .blocks import Block, Picture
from .files import write_text
from .html import to_fragment, to_html
from .latex import to_latex
from .markdown import to_markdown
from .text import to_text
from .vector.svg import to_svg


@dataclass(frozen=True, slots=True)
class Page:
    """A result as its readers see it, whatever they read it with."""

    title: str
    blocks: tuple[Block, ...] = ()

    def __str__(self) -> str:
        return to_text(self)

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        return to_fragment(self)

    def _repr_markdown_(self) -> str:
        """Return what a notebook without HTML shows."""
        return to_markdown(self)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the page to a file, in the format that its suffix names.

        Raises UsageError for a suffix that no painter knows.
        """
        path = Path(path)
        paint = PAINTERS.get(path.suffix.lower())
        if paint is None:
            suffix = f"as {path.suffix}" if path.suffix else "without a suffix"
            raise UsageError(
                f"{path}: a page cannot be saved {suffix}; it can be saved as {', '.join(PAINTERS)}"
            )
        write_text(path, paint(self))


def picture(page: Page) -> str:
    """Write the one picture of a page as SVG. Raises UsageError where there is none, or several."""
    found = [block for block in page.blocks if isinstance(block, Picture)]
    if len(found) != 1:
        raise UsageError(
            f"a page with {len(found) or 'no'} pictures cannot be saved as .svg, which holds one; "
            "save it as .html"
        )
    return to_svg(found[0].scene)


PAINTERS = {
    ".txt": to_text,
    ".html": to_html,
    ".md": to_markdown,
    ".tex": to_latex,
    ".svg": picture,
}
"""What writes a page to a file, by the suffix of the file's name."""


class HasPage(Protocol):
    """Anything that can be shown: a diagnosis, a picture, a derivation."""

    def page(self) -> Page:
        """Return what it looks like."""
        ...
