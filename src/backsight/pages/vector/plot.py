"""A plot as data: `Plot` with its series, bands, marks and levels. `laid_out` makes it a picture.

Series are told apart by dashes, by signs, and by their names at the ends of the lines; never by
colour alone. Black is what the forward computes, red what the backward does.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from .scales import brief
from .scene import Role


@dataclass(frozen=True, slots=True)
class Series:
    """A line through points (x, y), broken where y is not finite; `dots` draws no line at all.

    With `measured` each point is shown: the line between them is none of the data.
    """

    name: str
    points: tuple[tuple[float, float], ...]
    role: Role = "value"
    dots: bool = False
    measured: bool = False


@dataclass(frozen=True, slots=True)
class Band:
    """What lies between two lines: points (x, lowest, highest). Its name stands in the legend."""

    name: str
    points: tuple[tuple[float, float, float], ...]
    role: Role = "value"


@dataclass(frozen=True, slots=True)
class Columns:
    """A histogram: column i reaches from `edges[i]` to `edges[i + 1]`, `heights[i]` high."""

    name: str
    edges: tuple[float, ...]
    heights: tuple[float, ...]
    role: Role = "value"


@dataclass(frozen=True, slots=True)
class Mark:
    """A vertical line at x with a note above the plot: a finding at a step, say."""

    x: float
    note: str
    tip: str = ""
    role: Role = "problem"


@dataclass(frozen=True, slots=True)
class Stretch:
    """A shaded range of x, with a note inside it at its foot."""

    low: float
    high: float
    note: str = ""
    role: Role = "value"


@dataclass(frozen=True, slots=True)
class Level:
    """A dashed horizontal line at y with a note: a threshold."""

    y: float
    note: str
    role: Role = "note"


@dataclass(frozen=True, slots=True)
class Plot:
    """What stands between two axes. `notes` are sentences below them.

    With `rows` the vertical axis is a list of names, the first one on top, and y counts them from
    0. `whole_x` marks no fractions (of steps). `name` is what scripts find the plot by; `words` say
    what it shows, where `in_words` cannot.
    """

    title: str
    x: str
    y: str
    series: tuple[Series, ...] = ()
    bands: tuple[Band, ...] = ()
    columns: tuple[Columns, ...] = ()
    marks: tuple[Mark, ...] = ()
    stretches: tuple[Stretch, ...] = ()
    levels: tuple[Level, ...] = ()
    notes: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()
    x_range: tuple[float, float] | None = None
    y_range: tuple[float, float] | None = None
    whole_x: bool = False
    log_x: bool = False
    log_y: bool = False
    zero: bool = False
    name: str = ""
    words: str = ""

    def xs(self) -> Iterator[float]:
        """Go through all numbers that stand on the horizontal axis."""
        yield from self.x_range or ()
        for series in self.series:
            yield from (x for x, _ in series.points)
        for band in self.bands:
            yield from (x for x, _, _ in band.points)
        for columns in self.columns:
            yield from columns.edges
        yield from (mark.x for mark in self.marks)

    def ys(self) -> Iterator[float]:
        """Go through all numbers that stand on the vertical axis."""
        yield from self.y_range or ()
        for series in self.series:
            yield from (y for _, y in series.points)
        for band in self.bands:
            yield from (y for _, low, high in band.points for y in (low, high))
        for columns in self.columns:
            yield from columns.heights
        yield from (level.y for level in self.levels)
        if self.zero or (self.columns and not self.log_y):
            yield 0.0


def in_words(plot: Plot) -> str:
    """Say what a plot shows, for those who cannot see it."""
    if plot.words:
        return " ".join([plot.words, *plot.notes])
    parts = [f"A plot of {plot.y} over {plot.x}." if plot.y else f"A plot over {plot.x}."]
    for series in (each for each in plot.series if each.name or not each.dots):
        name = series.name or "The line"
        finite = [(x, y) for x, y in series.points if math.isfinite(y)]
        if not finite:
            parts.append(f"{name}: no finite number.")
            continue
        (first_x, first), (last_x, last) = finite[0], finite[-1]
        low, high = min(finite, key=by_y), max(finite, key=by_y)
        told = (
            f"{series.name}: {brief(first)} at {brief(first_x)}, {brief(last)} at {brief(last_x)}"
        )
        told += f"; lowest {brief(low[1])} at {brief(low[0])}"
        parts.append(f"{told}, highest {brief(high[1])} at {brief(high[0])}.")
    for columns in plot.columns:
        tallest = max(range(len(columns.heights)), key=lambda i: columns.heights[i], default=None)
        if tallest is not None:
            low_edge, high_edge = columns.edges[tallest : tallest + 2]
            between = f"between {brief(low_edge)} and {brief(high_edge)}"
            parts.append(f"{columns.name or 'Histogram'}: most lie {between}.")
    parts += [f"Shaded from {brief(s.low)} to {brief(s.high)}: {s.note}." for s in plot.stretches]
    parts += [f"A line at {brief(level.y)}: {level.note}." for level in plot.levels]
    parts += [f"Marked at {brief(mark.x)}: {mark.tip or mark.note}." for mark in plot.marks]
    return " ".join([*parts, *plot.notes])


def by_y(point: tuple[float, float]) -> float:
    """Return the second number of a point."""
    return point[1]


def pieces(points: tuple[tuple[float, float], ...]) -> list[list[tuple[float, float]]]:
    """Break a line where its numbers are not finite."""
    found: list[list[tuple[float, float]]] = [[]]
    for point in points:
        if math.isfinite(point[1]):
            found[-1].append(point)
        elif found[-1]:
            found.append([])
    return [piece for piece in found if piece]


def changes(values: list[bool]) -> list[tuple[int, int]]:
    """Return the stretches (first, last index) in which something holds.

    >>> changes([True, True, False, True])
    [(0, 1), (3, 3)]
    """
    starts = [i for i, (a, b) in enumerate(pairwise([False, *values])) if b and not a]
    ends = [i for i, (a, b) in enumerate(pairwise([*values, False])) if a and not b]
    return list(zip(starts, ends, strict=True))
