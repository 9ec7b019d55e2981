"""How gradients and updates fare through the layers of a network, over the steps of a run."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence

from ..pages.vector.axes import WIDTH, laid_out
from ..pages.vector.heat import HeatMap, heat_scene
from ..pages.vector.plot import Level, Plot, Series
from ..pages.vector.scales import brief
from ..traces.findings import Finding
from ..traces.recording import Recording, Site
from .curves import line, marks_of, names_of, nothing, of_site, shared, some, trimmed, weights
from .graph import Drawing

MOST_ROWS = 32
MOST_COLUMNS = 60
MOST_LINES = 7
RATIO = ("update_std", "std")
USUAL = 1e-3
"""A common rule of thumb for the size of an update relative to the weight (CS231n, 2017)."""


def draw_gradient_flow(recording: Recording, *, width: float = WIDTH) -> Drawing:
    """Draw the size of the gradient at each weight, from the input (top) to the loss (bottom).

    One line for the first observed step, one for the middle and one for the last.
    """
    title = "Gradient by depth"
    sites, measured, note = gradients(recording)
    if not sites:
        return nothing(title, "No gradient of a parameter was recorded in this run.", width)
    steps = sorted({s for points in measured for s, rms in points.items() if math.isfinite(rms)})
    if not steps:
        return nothing(title, "No gradient of a weight was finite in any observed step.", width)
    chosen = list(dict.fromkeys([steps[0], steps[len(steps) // 2], steps[-1]]))
    series = tuple(
        Series(
            f"step {step:,}",
            tuple((points.get(step, math.nan), float(i)) for i, points in enumerate(measured)),
            "gradient",
        )
        for step in chosen
    )
    names = names_of(sites)
    last = [points.get(chosen[-1]) for points in measured]
    plot = Plot(
        title,
        "rms of the gradient, logarithmic",
        f"{shared(names) or 'weights'}, from the input (top) to the loss (bottom)",
        tuple(rows_only(each) for each in series),
        rows=tuple(trimmed(names)),
        log_x=True,
        notes=note,
        name="plot-gradient-flow",
        words=(
            f"The rms of the gradient at {len(sites)} weights, from the input to the loss, in step "
            f"{chosen[-1]:,}: {listed(names, last)}."
        ),
    )
    return Drawing(laid_out(plot, width=width))


def rows_only(series: Series) -> Series:
    """Leave out the rows without a number: on a plot of rows it is x that may be missing."""
    return Series(series.name, tuple(p for p in series.points if math.isfinite(p[0])), series.role)


def gradients(
    recording: Recording,
) -> tuple[list[Site], list[dict[int, float]], tuple[str, ...]]:
    """Return weights with the rms of their gradients by step, and what was left out."""
    known = weights(recording)
    found = [site for site in known if of_site(recording, site, "gradient_rms")]
    shown = found
    if len(found) > MOST_ROWS:  # what is unusual must not fall between those evenly chosen
        sick = some([site for site in found if is_unusual(recording, site)], MOST_ROWS // 2)
        usual = some([site for site in found if site not in sick], MOST_ROWS - len(sick))
        shown = [site for site in found if site in sick or site in usual]
    measured = [
        {int(step): value for step, value in of_site(recording, site, "gradient_rms")}
        for site in shown
    ]
    notes = []
    if len(shown) < len(found):
        notes.append(
            f"{len(shown)} of {len(found)} weights are shown: those whose gradient was 0, missing "
            "or not finite somewhere, and of the others some, evenly chosen."
        )
    without = [site.parameter for site in known if site not in found]
    if without:
        more = ", …" if len(without) > 4 else ""
        notes.append(f"No gradient ever arrived at {', '.join(without[:4])}{more}.")
    return shown, measured, tuple(notes)


def is_unusual(recording: Recording, site: Site) -> bool:
    """Tell whether the gradient of a weight was 0, missing or not finite in some observed step."""
    seen = of_site(recording, site, "gradient_rms")
    whole = all(math.isfinite(rms) and rms > 0 for _, rms in seen)
    return not whole or len(seen) < len(recording.probes(site))


def draw_gradient_map(
    recording: Recording, findings: Iterable[Finding] = (), *, width: float = WIDTH
) -> Drawing:
    """Draw the size of the gradient at each weight over the observed steps, as shades of grey."""
    title = "Gradient by depth over steps"
    sites, measured, note = gradients(recording)
    if not sites:
        return nothing(title, "No gradient of a parameter was recorded in this run.", width)
    numbers, low, high = binned([sorted(points.items()) for points in measured], width)
    names = names_of(sites)
    first, last = [row[0] for row in numbers], [row[-1] for row in numbers]
    heat = HeatMap(
        title,
        "step (backward passes)",
        tuple(trimmed(names)),
        numbers,
        low,
        high,
        "rms of the gradient",
        log=True,
        missing="no gradient seen",
        notes=(f"From the input (top) to the loss: {shared(names) or 'weights'}.", *note),
        marks=tuple((mark.x, mark.note) for mark in marks_of(findings)),
        name="plot-gradient-map",
        words=(
            f"The rms of the gradient at {len(sites)} weights from the input (top) to the loss. At "
            f"first: {listed(names, first)}. At the end: {listed(names, last)}."
        ),
    )
    return Drawing(heat_scene(heat, width=width))


def binned(
    rows: Sequence[Sequence[tuple[float, float]]], width: float
) -> tuple[tuple[tuple[float | None, ...], ...], float, float]:
    """Return rows of medians by stretches of x, and where x begins and ends."""
    xs = sorted({x for row in rows for x, _ in row})
    low, high = float(xs[0]), float(xs[-1])
    columns = min(MOST_COLUMNS if width >= 500 else MOST_COLUMNS // 2, len(xs))
    numbers = []
    for row in rows:
        bins: list[list[float]] = [[] for _ in range(columns)]
        for x, y in row:
            place = int((x - low) / (high - low) * columns) if high > low else 0
            bins[min(place, columns - 1)].append(y)
        numbers.append(tuple(median(each) if each else None for each in bins))
    empty = {i for i in range(columns) if all(row[i] is None for row in numbers)}
    # Steps were observed at uneven distances: a stretch in which none was is like the one before.
    filled = [list(each) for each in numbers]
    for i in sorted(empty):
        for each in filled:
            each[i] = each[i - 1]
    return tuple(tuple(each) for each in filled), low, high


def median(numbers: Sequence[float]) -> float:
    """Return the median; NaN where any of the numbers is not finite, which is to be seen."""
    return statistics.median(numbers) if all(map(math.isfinite, numbers)) else math.nan


def draw_update_ratios(
    recording: Recording, findings: Iterable[Finding] = (), *, width: float = WIDTH
) -> Drawing:
    """Draw how large the real updates of weights are, relative to the weights, over steps."""
    title = "Updates relative to weights"
    sites = [site for site in weights(recording) if of_site(recording, site, *RATIO)]
    if not any(math.isfinite(y) for s in sites for _, y in of_site(recording, s, *RATIO)):
        why = "No update of a weight was recorded: no step of an optimiser was seen."
        if sites:
            why = "No update of a weight was finite in any observed step."
        return nothing(title, why, width)
    most = MOST_LINES if width >= 500 else 4
    shown = sites
    if len(sites) > most:  # the smallest and the largest must not fall between those evenly chosen
        by_size = sorted(sites, key=lambda site: last_finite(of_site(recording, site, *RATIO)))
        ends = (by_size[0], by_size[-1])
        between = some([site for site in sites if site not in ends], most - 2)
        shown = [site for site in sites if site in ends or site in between]
    names = names_of(shown)
    series = tuple(
        line(name, of_site(recording, site, *RATIO))[0]
        for site, name in zip(shown, trimmed(names), strict=True)
    )
    notes = [f"Lines: {shared(names)}."] if shared(names) else []
    if len(shown) < len(sites):
        notes.append(
            f"{len(shown)} of {len(sites)} weights are shown: those with the smallest and the "
            "largest updates, and of the others some, evenly chosen."
        )
    plot = Plot(
        f"{title} over steps",
        "step (backward passes)",
        "std of the update ÷ std of the weight, logarithmic",
        series,
        marks=marks_of(findings),
        levels=(Level(USUAL, "often good"),),
        log_y=True,
        notes=tuple(notes),
        whole_x=True,
        name="plot-update-ratios",
    )
    return Drawing(laid_out(plot, width=width))


def last_finite(points: Sequence[tuple[float, float]]) -> float:
    """Return the last finite number of a line, infinity where there is none."""
    return next((y for _, y in reversed(points) if math.isfinite(y)), math.inf)


def told_number(number: float | None) -> str:
    """Write a number of a list."""
    if number is None:
        return "none"
    return brief(number) if math.isfinite(number) else "not finite"


def listed(names: Sequence[str], numbers: Sequence[float | None]) -> str:
    """Write numbers with their names, the first few and the last."""
    pairs = zip(names, numbers, strict=True)
    told = [f"{name} {told_number(number)}" for name, number in pairs]
    return ", ".join(told if len(told) <= 8 else [*told[:6], "…", told[-1]])
