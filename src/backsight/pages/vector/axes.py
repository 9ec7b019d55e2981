"""The layout of a plot: from numbers to a picture of some width."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from .plot import Plot, Series, in_words, pieces
from .scales import Scale, scale_for
from .scene import Area, Box, Dot, Item, Label, Line, Part, Role, Scene, Shape, text_width
from .words import apart, in_rows, paragraph, shortened

WIDTH = 640.0
HEIGHT = 190.0  # of what stands between the axes
ROW = 19.0  # height of a row where the vertical axis is a list
SMALL = 10.0
TITLE = 12.5
SIGNS: tuple[tuple[Shape, bool], ...] = (
    ("circle", True), ("square", False), ("triangle", True), ("diamond", False),
    ("cross", True), ("circle", False), ("square", True), ("triangle", False),
)  # fmt: skip
DASHES: tuple[tuple[float, ...], ...] = ((), (7, 3), (2, 3), (9, 3, 2, 3))
SIGN_EVERY = 90.0


@dataclass(frozen=True, slots=True)
class Frame:
    """Where the axes of a plot are: left, right, top, bottom, and the two scales."""

    left: float
    right: float
    top: float
    bottom: float
    x: Scale
    y: Scale


def laid_out(plot: Plot, *, width: float = WIDTH, height: float = HEIGHT) -> Scene:
    """Lay a plot out: `width` is that of the whole picture, `height` that between the axes."""
    if plot.rows:
        height = ROW * len(plot.rows)
    items, top = heading(plot, width)
    legend_items, top = legend(plot, width, top)
    items += legend_items
    names = {} if plot.rows else end_names(plot, width)
    beside = max((text_width(name, SMALL) for name in names.values()), default=0.0)
    right = width - (beside + 18 if names else 10)
    left = left_of(plot, height, width)
    pad = 0.03 if plot.rows else 0.0
    x = scale_for(plot.xs(), left, right, log=plot.log_x, pad=pad)
    marks, top = mark_items(plot, x, top, width)
    bottom = top + height
    frame = Frame(left, right, top, bottom, x, y_scale(plot, bottom, top))
    items += grounds(plot, frame)
    items += axes(plot, frame)
    items += [Line(((m, top), (m, bottom)), role, tip=tip) for m, role, tip in mark_lines(plot, x)]
    items += marks
    items += drawn(plot, frame)
    items += notes_inside(plot, frame)
    items += ends(plot, frame, names)
    end = bottom + 32
    for note in plot.notes:
        lines, end = paragraph(note, 0, end + 2, width, size=SMALL, role="note")
        items += lines
    facts = {"left": left, "right": right, "low": x.low, "high": x.high, "log": float(plot.log_x)}
    facts |= {"top": top, "bottom": bottom}
    data = tuple((key, f"{value:.6g}") for key, value in facts.items())
    part = Part(plot.name, tuple(items), data=data)
    return Scene(width, end, (part,), plot.title, in_words(plot))


def heading(plot: Plot, width: float) -> tuple[list[Item], float]:
    """Write the title and what the vertical axis is."""
    labels, end = paragraph(plot.title, 0, 0, width, size=TITLE, role="value", bold=True)
    items: list[Item] = [*labels]
    if plot.y:
        lines, end = paragraph(plot.y, 0, end + 2, width, size=SMALL, role="note")
        items += lines
    return items, end + 8


def left_of(plot: Plot, height: float, width: float) -> float:
    """Return where the vertical axis stands: right of its longest label."""
    if plot.rows:
        most = 34 if width >= 500 else 18
        longest = max(text_width(shortened(row, most), SMALL) for row in plot.rows)
        return longest + 8
    ticks = y_scale(plot, height, 0.0).ticks(most_ticks(height))
    return max((text_width(tick.label, SMALL) for tick in ticks), default=0.0) + 8


def y_scale(plot: Plot, bottom: float, top: float) -> Scale:
    """Return the vertical scale."""
    if plot.rows:
        return Scale(-0.5, len(plot.rows) - 0.5, top, bottom)
    scale = scale_for(plot.ys(), bottom, top, log=plot.log_y, pad=0.05)
    if not scale.log and (plot.zero or plot.columns) and min(plot.ys()) >= 0:
        return Scale(0.0, scale.high, bottom, top)
    return scale


def most_ticks(room: float, each: float = 34.0) -> int:
    """Return how many labels fit along an axis."""
    return max(2, int(room / each))


def legend(plot: Plot, width: float, top: float) -> tuple[list[Item], float]:
    """Say what the bands are, and the series where their ends have no names."""
    entries: list[tuple[str, list[Item]]] = []
    for i, series in enumerate(plot.series if plot.rows else ()):
        entries.append((series.name, sample(i, series, len(plot.series))))
    for band in plot.bands:
        if band.name:
            entries.append((band.name, [Area(((0, -9), (22, -9), (22, 1), (0, 1)), band.role)]))
    for columns in plot.columns:
        if columns.name:
            entries.append((columns.name, [Box(6, -9, 10, 10, columns.role, 0)]))
    items: list[Item] = []
    x, y = 0.0, top + SMALL
    for name, drawing in entries:
        wide = 30 + text_width(name, SMALL)
        if x and x + wide > width:
            x, y = 0.0, y + 15
        label = Label(28, 0, name, "note", SMALL)
        items.append(Part("", (*drawing, label), x=x, y=y))
        x += wide + 18
    return items, y + 8 if entries else top


def sample(index: int, series: Series, count: int) -> list[Item]:
    """Draw a short stretch of a series for the legend."""
    shape, filled = SIGNS[index % len(SIGNS)]
    items: list[Item] = []
    if not series.dots:
        items.append(Line(((0, -4), (22, -4)), series.role, dashes=dashes_of(index, count)))
    return [*items, Dot(11, -4, series.role, shape, filled)]


def dashes_of(index: int, count: int) -> tuple[float, ...]:
    """Return the dashes of a series; none where it is the only one."""
    return DASHES[index % len(DASHES)] if count > 1 else ()


def end_names(plot: Plot, width: float) -> dict[int, str]:
    """Return what stands at the ends of lines, by series; that of levels from −1 downwards."""
    most = 26 if width >= 500 else 13
    levels = {-1 - i: shortened(level.note, most) for i, level in enumerate(plot.levels)}
    return levels | {
        i: shortened(series.name, most)
        for i, series in enumerate(plot.series)
        if series.name and any(math.isfinite(y) for _, y in series.points)
    }


def mark_items(plot: Plot, x: Scale, top: float, width: float) -> tuple[list[Item], float]:
    """Write the notes of the marks above the plot, in as many rows as they need."""
    marks = sorted(plot.marks, key=lambda mark: mark.x)
    spans = []
    for mark in marks:
        wide, at = text_width(mark.note, SMALL), x(mark.x)
        start = at - 4 if at - 4 + wide <= width else max(width - wide, 0.0)
        spans.append((start, start + wide + 10))
    rows = in_rows(spans)
    count = max(rows, default=-1) + 1
    items: list[Item] = []
    for mark, (start, _), row in zip(marks, spans, rows, strict=True):
        y = top + SMALL + row * 14
        items.append(Line(((x(mark.x), y + 4), (x(mark.x), top + count * 14 + 4)), mark.role))
        items.append(Label(start, y, mark.note, mark.role, SMALL, bold=True, tip=mark.tip))
    return items, top + (count * 14 + 4 if count else 0)


def mark_lines(plot: Plot, x: Scale) -> Iterator[tuple[float, Role, str]]:
    """Yield where the lines of the marks stand."""
    for mark in plot.marks:
        yield x(mark.x), mark.role, mark.tip


def grounds(plot: Plot, frame: Frame) -> Iterator[Item]:
    """Draw what lies behind the lines: shaded stretches and bands."""
    for stretch in plot.stretches:
        a, b = frame.x(stretch.low), frame.x(stretch.high)
        corners = ((a, frame.top), (b, frame.top), (b, frame.bottom), (a, frame.bottom))
        yield Area(corners, stretch.role, stretch.note)
    for band in plot.bands:
        known = [p for p in band.points if math.isfinite(p[1]) and math.isfinite(p[2])]
        if len(known) > 1:
            above = [(frame.x(p[0]), frame.y(p[2])) for p in known]
            below = [(frame.x(p[0]), frame.y(p[1])) for p in reversed(known)]
            yield Area((*above, *below), band.role, band.name)
            # A spike of one step is too thin for a faint ground: the edges show it.
            yield Line(tuple(above), "note", smooth=False)
            yield Line(tuple(below), "note", smooth=False)


def axes(plot: Plot, frame: Frame) -> Iterator[Item]:
    """Draw the grid, the labels of both axes, and the levels."""
    if plot.rows:
        most = 34 if frame.right + 10 >= 500 else 18
        for i, row in enumerate(plot.rows):
            y = frame.y(i)
            yield Line(((frame.left, y), (frame.right, y)), "axis")
            name = shortened(row, most)
            tip = row if name != row else ""
            yield Label(frame.left - 6, y + 3.5, name, "value", SMALL, "end", tip=tip)
    else:
        for tick in frame.y.ticks(most_ticks(frame.bottom - frame.top)):
            yield Line(((frame.left, tick.place), (frame.right, tick.place)), "axis")
            yield Label(frame.left - 6, tick.place + 3.5, tick.label, "axis", SMALL, "end")
    free = -math.inf
    for tick in frame.x.ticks(most_ticks(frame.right - frame.left, 58), whole=plot.whole_x):
        yield Line(((tick.place, frame.top), (tick.place, frame.bottom)), "axis")
        half = text_width(tick.label, SMALL) / 2
        if tick.place - half >= free:
            yield Label(tick.place, frame.bottom + 14, tick.label, "axis", SMALL, "middle")
            free = tick.place + half + 8
    middle = max((frame.left + frame.right) / 2, text_width(plot.x, SMALL) / 2)
    yield Label(middle, frame.bottom + 28, plot.x, "note", SMALL, "middle")
    if not plot.rows and not frame.y.log and frame.y.low < 0 < frame.y.high:
        yield Line(((frame.left, frame.y(0)), (frame.right, frame.y(0))), "wire")
    for level in plot.levels:
        y = frame.y(level.y)
        yield Line(((frame.left, y), (frame.right, y)), level.role, dashed=True)


def notes_inside(plot: Plot, frame: Frame) -> Iterator[Item]:
    """Write what stretches are, within the axes and above all lines."""
    for stretch in plot.stretches:
        a, b = frame.x(stretch.low), frame.x(stretch.high)
        if stretch.note and text_width(stretch.note, SMALL) <= b - a:
            y = frame.top + 0.3 * (frame.bottom - frame.top)
            yield Label((a + b) / 2, y, stretch.note, "note", SMALL, "middle")


def drawn(plot: Plot, frame: Frame) -> Iterator[Item]:
    """Draw columns and lines, with signs on the lines where there are several."""
    for columns in plot.columns:
        bounds = zip(columns.edges, columns.edges[1:], columns.heights, strict=False)
        for low, high, tall in bounds:
            if tall > 0:
                a, b, y = frame.x(low), frame.x(high), frame.y(tall)
                yield Box(a, y, max(b - a, 0.5), frame.bottom - y, columns.role, 0)
    for i, series in enumerate(plot.series):
        shape, filled = SIGNS[i % len(SIGNS)]
        for piece in pieces(series.points):
            places = tuple((frame.x(x), frame.y(y)) for x, y in piece)
            if not series.dots and len(places) > 1:
                dashes = dashes_of(i, len(plot.series))
                yield Line(places, series.role, smooth=False, dashes=dashes)
            if series.measured:
                yield from (Dot(x, y, series.role, size=1.6) for x, y in places)
            for x, y in signed(places, series, i, len(plot.series), many=not plot.rows):
                yield Dot(x, y, series.role, shape, filled)


def signed(
    places: tuple[tuple[float, float], ...], series: Series, index: int, count: int, *, many: bool
) -> Iterator[tuple[float, float]]:
    """Yield the points of a line that get a sign: all of a few, else some, staggered by series."""
    if series.dots or len(places) == 1 or not many:
        yield from places
        return
    if count == 1:
        return
    next_x = places[0][0] + SIGN_EVERY * (index % 4 + 1) / 4 if len(places) > 12 else -math.inf
    for x, y in places:
        if x >= next_x and (len(places) <= 12 or x < places[-1][0] - 20):
            yield x, y
            next_x = x + (SIGN_EVERY if len(places) > 12 else SIGN_EVERY / 4)


def ends(plot: Plot, frame: Frame, names: dict[int, str]) -> Iterator[Item]:
    """Write the names of lines and levels at their right ends, apart from each other."""
    several = len(plot.series) > 1
    entries: list[tuple[float, float, str, str, Role, int]] = []  # x, y, text, whole, role, series
    for i, name in names.items():
        if i < 0:
            level = plot.levels[-1 - i]
            entries.append((frame.right, frame.y(level.y), name, level.note, level.role, i))
        else:
            x, y = next((x, y) for x, y in reversed(plot.series[i].points) if math.isfinite(y))
            series = plot.series[i]
            entries.append((frame.x(x), frame.y(y), name, series.name, series.role, i))
    places = apart([entry[1] for entry in entries], 13.0, frame.top + 2, frame.bottom - 2)
    for (x, at, text, whole, role, i), y in zip(entries, places, strict=True):
        if x < frame.right - 12 or abs(at - y) > 3:
            yield Line(((x, at), (frame.right + 3, at), (frame.right + 6, y)), "axis", smooth=False)
        if several and i >= 0:
            shape, filled = SIGNS[i % len(SIGNS)]
            yield Dot(frame.right + 9, y, role, shape, filled)
        start = frame.right + (16 if several else 8)
        yield Label(start, y + 3.5, text, role, SMALL, tip=whole if text != whole else "")
