"""Several pictures on one sheet, one below the other or in columns."""

from __future__ import annotations

from collections.abc import Sequence

from .scene import Item, Part, Scene
from .words import paragraph

GAP = 22.0


def sheet(
    scenes: Sequence[Scene], *, columns: int = 1, title: str = "", notes: Sequence[str] = ()
) -> Scene:
    """Put pictures on one sheet, in rows of `columns`, with a title above and notes below them."""
    wide = max((scene.width for scene in scenes), default=0.0)
    width = columns * wide + (columns - 1) * GAP
    items: list[Item] = []
    y = 0.0
    if title:
        labels, y = paragraph(title, 0, 0, width, size=14, role="value", bold=True)
        items += labels
        y += 12
    for start in range(0, len(scenes), columns):
        row = scenes[start : start + columns]
        for i, scene in enumerate(row):
            items.append(Part("", scene.items, x=i * (wide + GAP), y=y))
        y += max(scene.height for scene in row) + GAP
    y -= GAP if scenes else 0
    for note in notes:
        labels, y = paragraph(note, 0, y + 4, width, size=10, role="note")
        items += labels
    words = " ".join([*(f"{s.title}. {s.description}" for s in scenes), *notes])
    return Scene(width, y, tuple(items), title or (scenes[0].title if scenes else ""), words)
