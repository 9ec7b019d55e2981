"""A series over the steps of a run as a picture, with what a rule looked at marked in it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..pages.vector.axes import laid_out
from ..pages.vector.plot import Band, Level, Mark, Plot, Series, Stretch
from ..pages.vector.scene import Scene
from ..pictures.curves import is_wide, line
from .numbers import told
from .thinning import Points

WIDTH, HEIGHT = 380.0, 130.0
MOST_CURVES = 4


@dataclass(frozen=True, slots=True)
class Curve:
    """One line of a plot, as (step, value)."""

    name: str
    points: Points


@dataclass(frozen=True, slots=True)
class Chart:
    """What a plot shows: its curves, on a scale of powers (`log`) or of shares, and what is marked.

    Without `log` the numbers decide. `span` are the first and the last step that a rule judged by,
    `threshold` is the value that it compared with.
    """

    title: str
    curves: tuple[Curve, ...]
    log: bool = False
    share: bool = False
    threshold: float | None = None
    span: tuple[int, int] | None = None
    marks: tuple[Mark, ...] = ()
    steps: tuple[float, float] | None = None


def chart_scene(chart: Chart) -> Scene:
    """Draw a chart: of many points the median of each stretch, and all that lies around it."""
    series: list[Series] = []
    bands: list[Band] = []
    several = len(chart.curves) > 1
    for curve in chart.curves[:MOST_CURVES]:
        points = [(float(step), value) for step, value in curve.points]
        drawn, around = line(curve.name if several else "", points)
        series.append(drawn)
        if around is not None:
            bands.append(Band("" if bands else around.name, around.points))
    every = [point for curve in chart.curves for point in curve.points]
    stretches, levels = [], []
    if chart.span is not None:
        stretches.append(Stretch(float(chart.span[0]), float(chart.span[1]), "", "problem"))
    if chart.threshold is not None:
        name = f"limit {told(chart.threshold, share=chart.share)}"
        levels.append(Level(chart.threshold, name, "problem"))
    known = [step for step, _ in every] + [
        step for each in stretches for step in (each.low, each.high)
    ]
    span = chart.steps or (min(known, default=0), max(known, default=1))
    log = not chart.share and (chart.log or is_wide(every, 300.0))
    plot = Plot(
        chart.title,
        "step (backward passes)",
        "logarithmic" if log else "",
        tuple(series),
        bands=tuple(bands),
        marks=chart.marks,
        stretches=tuple(stretches),
        levels=tuple(levels),
        notes=notes_of(chart),
        x_range=(float(span[0]), float(span[1])),
        y_range=(0.0, 1.0) if chart.share else None,
        log_y=log,
        zero=not log,
    )
    return laid_out(plot, width=WIDTH, height=HEIGHT)


def notes_of(chart: Chart) -> tuple[str, ...]:
    """Say what is shaded, and where numbers are not finite."""
    notes = []
    if chart.span is not None:
        first, last = chart.span
        steps = f"steps {first:,} to {last:,}" if last > first else f"step {first:,}"
        notes.append(f"Shaded: {steps}, which the finding speaks of.")
    for curve in chart.curves[:MOST_CURVES]:
        broken = [step for step, value in curve.points if not math.isfinite(value)]
        if broken:
            notes.append(
                f"{curve.name}: not finite in {len(broken):,} of {len(curve.points):,} steps, "
                f"first in {broken[0]:,}; the line is broken there."
            )
    return tuple(notes)
