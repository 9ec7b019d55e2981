"""A page: a title and blocks. Every result has one."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ..errors import UsageError
from .blocks import Block
from .files import write_text
from .text import to_text

PAINTERS = {".txt": to_text}
"""What writes a page to a file, by the suffix of the file's name."""


@dataclass(frozen=True, slots=True)
class Page:
    """A result as its readers see it, whatever they read it with."""

    title: str
    blocks: tuple[Block, ...] = ()

    def __str__(self) -> str:
        return to_text(self)

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


class HasPage(Protocol):
    """Anything that can be shown: a diagnosis, a picture, a derivation."""

    def page(self) -> Page:
        """Return what it looks like."""
        ...
