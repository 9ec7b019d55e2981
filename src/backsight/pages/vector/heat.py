"""A heat map as data, and its layout: rows of tiles in shades of grey, with a scale."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .axes import SMALL, TITLE, WIDTH, most_ticks
from .scales import Scale, brief, label, scale_for
from .scene import Box, Item, Label, Line, Part, Role, Scene, Tiles, text_width
from .words import paragraph, shortened

FAINT = 0.04
"""The shade of the smallest number; 0 on a logarithmic scale is fainter still."""
STEPS = 24  # tiles of the scale
TALL = 12.0


@dataclass(frozen=True, slots=True)
class HeatMap:
    """Numbers in rows (names, the first one on top) and columns (x from `low` to `high`).

    None stands for what was not measured. `log` shades by orders of magnitude. `words` say what is
    to be seen.
    """

    title: str
    x: str
    rows: tuple[str, ...]
    numbers: tuple[tuple[float | None, ...], ...]
    low: float
    high: float
    unit: str
    log: bool = False
    limits: tuple[float, float] | None = None
    missing: str = "not measured"
    role: Role = "value"
    notes: tuple[str, ...] = ()
    marks: tuple[tuple[float, str], ...] = ()
    name: str = ""
    words: str = ""


def heat_scene(heat: HeatMap, *, width: float = WIDTH, tall: float = 0.0) -> Scene:
    """Lay a heat map out; `tall` is the height of a row (by their number, if 0)."""
    tall = tall or min(max(220.0 / max(len(heat.rows), 1), 13.0), 22.0)
    labels, end = paragraph(heat.title, 0, 0, width, size=TITLE, role="value", bold=True)
    items: list[Item] = [*labels]
    shade = shading(heat)
    more, top = scale_items(heat, shade, end + 6, width)
    items += more
    most = 34 if width >= 500 else 16
    names = [shortened(row, most) for row in heat.rows]
    left = max((text_width(name, SMALL) for name in names), default=0.0) + 8
    right = width - 4
    x = Scale(heat.low, heat.high if heat.high > heat.low else heat.low + 1, left, right)
    for at, note in heat.marks:
        start = min(x(at) - 4, width - text_width(note, SMALL))
        items.append(Label(start, top + SMALL, note, "problem", SMALL, bold=True))
    top += 18 if heat.marks else 0
    bottom = top + tall * len(heat.rows)
    rows = tuple(tuple(shade_of(number, shade) for number in row) for row in heat.numbers)
    items.append(Tiles(left, top, right - left, bottom - top, rows, heat.role))
    items.append(Box(left, top, right - left, bottom - top, "axis", 0))
    for i, (name, row) in enumerate(zip(names, heat.rows, strict=True)):
        tip = row if row != name else ""
        y = top + (i + 0.5) * tall + 3.5
        items.append(Label(left - 6, y, name, "value", SMALL, "end", tip=tip))
    for at, _ in heat.marks:
        items.append(Line(((x(at), top - 6), (x(at), bottom)), "problem"))
    for tick in x.ticks(most_ticks(right - left, 58), whole=True):
        items.append(Line(((tick.place, bottom), (tick.place, bottom + 4)), "wire"))
        place = min(tick.place, width - text_width(tick.label, SMALL) / 2)
        items.append(Label(place, bottom + 15, tick.label, "axis", SMALL, "middle"))
    middle = min((left + right) / 2, width - text_width(heat.x, SMALL) / 2)
    items.append(Label(middle, bottom + 28, heat.x, "note", SMALL, "middle"))
    end = bottom + 32
    for note in heat.notes:
        labels, end = paragraph(note, 0, end + 2, width, size=SMALL, role="note")
        items += labels
    facts = {"left": left, "right": right, "low": x.low, "high": x.high, "log": 0.0}
    facts |= {"top": top, "bottom": bottom}
    data = tuple((key, f"{value:.6g}") for key, value in facts.items())
    words = " ".join([heat.words or f"A map of {heat.unit}.", *heat.notes])
    return Scene(width, end, (Part(heat.name, tuple(items), data=data),), heat.title, words)


def shading(heat: HeatMap) -> Scale:
    """Return the scale from numbers to shades."""
    known = [n for row in heat.numbers for n in row if n is not None and math.isfinite(n)]
    return scale_for(heat.limits or known, FAINT, 1.0, log=heat.log)


def shade_of(number: float | None, shade: Scale) -> float | None:
    """Return the shade of a number, 0 where a logarithm has none; NaN where it is not finite."""
    if number is None:
        return None
    if not math.isfinite(number):
        return math.nan
    if shade.log and number <= 0:
        return 0.0
    # The shelf of a scale is a place on paper; shades need none.
    return Scale(shade.low, shade.high, shade.start, shade.end, shade.log)(number)


def scale_items(heat: HeatMap, shade: Scale, top: float, width: float) -> tuple[list[Item], float]:
    """Draw the scale of shades with its ends, what it measures, and the sign of what is missing."""
    items: list[Item] = []
    ends = (brief(shade.low), brief(shade.high))
    wide, x, y = min(150.0, width / 3), 0.0, top
    shades = tuple(FAINT + (1 - FAINT) * i / (STEPS - 1) for i in range(STEPS))
    if heat.log and any(n == 0 for row in heat.numbers for n in row):
        items += [Tiles(x, y, TALL, TALL, ((0.0,),), heat.role), Box(x, y, TALL, TALL, "axis", 0)]
        items.append(Label(x + TALL + 4, y + 10, label(0.0), "axis", SMALL))
        x += TALL + 20
    items.append(Label(x, y + 10, ends[0], "axis", SMALL))
    x += text_width(ends[0], SMALL) + 5
    items += [Tiles(x, y, wide, TALL, (shades,), heat.role), Box(x, y, wide, TALL, "axis", 0)]
    items.append(Label(x + wide + 5, y + 10, ends[1], "axis", SMALL))
    x += wide + 10 + text_width(ends[1], SMALL)
    everything = [shade_of(number, shade) for row in heat.numbers for number in row]
    entries: list[tuple[str, tuple[float | None, ...]]] = [(heat.unit, ())]
    if None in everything:
        entries.append((heat.missing, (None,)))
    if any(each is not None and math.isnan(each) for each in everything):
        entries.append(("not finite", (math.nan,)))
    for text, tile in entries:
        if x + text_width(text, SMALL) + 24 > width and x:
            x, y = 0.0, y + 17
        if tile:
            items.append(Tiles(x, y, TALL, TALL, (tile,), heat.role))
            items.append(Box(x, y, TALL, TALL, "axis", 0))
            x += TALL + 5
        items.append(Label(x, y + 10, text, "note", SMALL))
        x += text_width(text, SMALL) + 16
    return items, y + TALL + 8
