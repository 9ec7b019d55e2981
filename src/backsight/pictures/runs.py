"""A whole run over its steps: loss, gradient norm, learning rate, with the findings marked."""

from __future__ import annotations

import math
from collections.abc import Iterable

from ..pages.vector.axes import WIDTH, laid_out
from ..pages.vector.plot import Mark, Plot
from ..traces.findings import Finding
from ..traces.recording import Recording
from .curves import Points, is_wide, line, marks_of, nothing, of_steps
from .graph import Drawing


def draw_loss(
    recording: Recording, findings: Iterable[Finding] = (), *, width: float = WIDTH
) -> Drawing:
    """Draw the loss over the steps of a run, each finding marked at the step it begins."""
    points = of_steps(recording, lambda step: step.loss)
    return over_steps("Loss", "loss", points, findings, recording, width)


def draw_gradient_norm(
    recording: Recording, findings: Iterable[Finding] = (), *, width: float = WIDTH
) -> Drawing:
    """Draw the norm of the whole gradient over the steps of a run."""
    points = of_steps(recording, lambda step: step.gradient_norm)
    return over_steps(
        "Norm of the gradient", "gradient norm", points, findings, recording, width, gradient=True
    )


def draw_learning_rate(
    recording: Recording, findings: Iterable[Finding] = (), *, width: float = WIDTH
) -> Drawing:
    """Draw the learning rate over the steps of a run."""
    points = of_steps(recording, lambda step: step.learning_rate)
    return over_steps("Learning rate", "learning rate", points, findings, recording, width)


def over_steps(
    title: str,
    what: str,
    points: Points,
    findings: Iterable[Finding],
    recording: Recording,
    width: float,
    *,
    gradient: bool = False,
) -> Drawing:
    """Draw one figure over steps, logarithmically where it spans more than a factor of 50."""
    if not points:
        return nothing(f"{title} over steps", f"No {what} was recorded in this run.", width)
    finite = tuple((x, y) for x, y in points if math.isfinite(y))
    if not finite:
        why = f"The {what} was not finite in any of the {len(points):,} recorded steps."
        return nothing(f"{title} over steps", why, width)
    log = is_wide(finite)
    series, band = line(what, points, "gradient" if gradient else "value")
    notes = []
    marks = list(marks_of(findings))
    broken = [x for x, y in points if not math.isfinite(y)]
    if broken:
        first = broken[0]
        notes.append(
            f"Not finite in {len(broken):,} of {len(points):,} recorded steps, first in "
            f"{first:,.0f}: the line is broken there."
        )
        at_first = [mark for mark in marks if mark.x == first]
        if not at_first:
            marks.append(Mark(first, "✖ not finite", f"the {what} is not finite from here on"))
    seen = int(recording.meta.get("steps", 0) or 0)
    if seen > len(recording.steps):
        notes.append(f"{len(recording.steps):,} of {seen:,} steps are in the recording.")
    plot = Plot(
        f"{title} over steps",
        "step (backward passes)",
        f"{what}, logarithmic" if log else what,
        (series,),
        bands=(band,) if band is not None else (),
        marks=tuple(marks),
        notes=tuple(notes),
        log_y=log,
        x_range=(points[0][0], points[-1][0]),
        whole_x=True,
        name=f"plot-{what.replace(' ', '-')}",
    )
    return Drawing(laid_out(plot, width=width))
