"""Layer by layer: how much gradient reaches each weight, and what each activation does."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator

from ..diagnosis import Diagnosis
from ..diagnosis.observations import figures
from ..pages.html import words
from ..pictures.flow import draw_gradient_map, draw_update_ratios
from ..pictures.through_time import draw_through_time
from ..pictures.units import draw_saturation
from ..traces.recording import Recording, Site
from .curves import WIDTH
from .evidence import name_of, ratio
from .figures import figure
from .numbers import told
from .readings import Readings
from .thinning import Points

MOST_ROWS = 300
BAR = 120.0  # pixels


def parameters_by_distance(recording: Recording) -> list[Site]:
    """Return the parameters that get a row: farthest from the loss first, of too many the weights.

    Where the distance of one is not known it comes last.
    """
    every = [site for site in recording.of_kind("parameter") if recording.probes(site)]
    if len(every) > MOST_ROWS:
        every = [site for site in every if site.attributes.get("weight")][:MOST_ROWS]
    return sorted(every, key=lambda site: -int(site.attributes.get("distance") or -1))


def activations_shown(recording: Recording) -> list[Site]:
    """Return the activations that get a row, farthest from the loss first."""
    every = [site for site in recording.of_kind("activation") if recording.probes(site)]
    return sorted(every, key=lambda site: -int(site.attributes.get("distance") or -1))[:MOST_ROWS]


def row_count(recording: Recording) -> int:
    """Return how many series of numbers the tables hold."""
    sites = 2 * len(parameters_by_distance(recording)) + 2 * len(activations_shown(recording))
    return sites + 3 * len(list(recording.of_kind("recurrence")))


def flow_lines(recording: Recording, diagnosis: Diagnosis, readings: Readings) -> Iterator[str]:
    """Yield the gradient's way back: a row for each parameter with a bar, then a map over steps."""
    sites = parameters_by_distance(recording)
    if not sites:
        yield '<p class="prose">No parameter was observed.</p>'
        return
    gradients = {site.id: figures(recording.probes(site), "gradient_rms") for site in sites}
    powers = [math.log10(v) for found in gradients.values() for _, v in found if v > 0]
    low = math.floor(min(powers, default=0.0)) - 0.3
    high = max(math.ceil(max(powers, default=1.0)), low + 1.3)
    yield (
        '<p class="prose">Farthest from the loss first. Bars are on a scale of powers of ten, from '
        f"{told(10.0 ** math.ceil(low))} to {told(10.0**high)}; an update ÷ weight of about 0.001 "
        "is usual.</p>"
    )
    yield f'<div class="wide"><table data-low="{low:g}" data-high="{high:g}">'
    yield head("parameter", "ops to the loss", "", "gradient (RMS)", "median", "update ÷ weight")
    for site in sites:
        yield flow_row(recording, site, gradients[site.id], (low, high), readings)
    yield "</table></div>"
    count = sum(bool(recording.probes(site)) for site in recording.of_kind("parameter"))
    if count > len(sites):
        yield f'<p class="prose">{count - len(sites)} more parameters are not shown.</p>'
    yield '<div class="grid">'
    for draw in (draw_gradient_map, draw_update_ratios):
        yield figure(draw(recording, diagnosis.findings, width=WIDTH).scene)
    yield "</div>"


def flow_row(
    recording: Recording,
    site: Site,
    gradient: Points,
    bounds: tuple[float, float],
    readings: Readings,
) -> str:
    """Write the row of one parameter."""
    spread = dict(figures(recording.probes(site), "std"))
    ratios = [
        (step, change / spread[step])
        for step, change in figures(recording.probes(site), "update_std")
        if spread.get(step, 0) > 0
    ]
    distance = site.attributes.get("distance")
    key, low, high = readings.add(gradient), *bounds
    middle = statistics.median(value for _, value in gradient) if gradient else None
    part = (math.log10(middle) - low) / (high - low) if middle else 0.0
    shape = "×".join(str(length) for length in site.attributes.get("shape", ()))
    bar = (
        f'<svg class="bar" width="{BAR:g}" height="10" aria-hidden="true">'
        f'<rect width="{BAR * part:.1f}" height="10" data-bar="{key}"/></svg>'
    )
    return (
        f'<tr><th scope="row">{words(name_of(site))} '
        f'<span class="caption">{words(shape)}</span></th>'
        f'<td class="right">{told(distance) if distance is not None else "–"}</td><td>{bar}</td>'
        f"{reading(key, gradient)}"
        f'<td class="right">{told(middle)}</td>{reading(readings.add(ratios), ratios)}</tr>'
    )


def activation_lines(recording: Recording, readings: Readings) -> Iterator[str]:
    """Yield the table of the activations: how much is saturated or off, and how they spread."""
    sites = activations_shown(recording)
    if not sites:
        yield '<p class="prose">No activation was observed.</p>'
        return
    yield '<div class="wide"><table>'
    yield head("activation", "at", "saturated", "std", "units never active at the end")
    for site in sites:
        shares = ratio(site, recording, "saturated", "elements")
        spread = figures(recording.probes(site), "std")
        windows = recording.units(site)
        off = "–"
        if windows and len(windows[-1].active):
            last = windows[-1]
            count = int((last.active == 0).sum())
            off = f"{count} of {len(last.active)} ({last.samples:,} samples)"
        name = site.op if site.module in ("", site.op) else f"{site.op} of {site.module}"
        yield (
            f'<tr><th scope="row">{words(name)}</th><td>{words(place(site))}</td>'
            f"{reading(readings.add(shares, share=True), shares, share=True)}"
            f'{reading(readings.add(spread), spread)}<td class="right">{off}</td></tr>'
        )
    yield "</table></div>"
    yield figure(draw_saturation(recording, width=WIDTH).scene)


def time_lines(recording: Recording, diagnosis: Diagnosis, readings: Readings) -> Iterator[str]:
    """Yield the table of parameters that are applied again and again through time."""
    yield (
        '<p class="prose">The gradient of one step\'s contribution, followed back through the '
        "repeated applications of one parameter.</p>"
    )
    yield '<div class="wide"><table>'
    yield head("parameter", "at", "applications", "growth each", "growth in all", "lasts for")
    for site in recording.of_kind("recurrence"):
        probes = recording.probes(site)
        cells = [figures(probes, name) for name in ("growth", "total", "horizon")]
        times = max((value for _, value in figures(probes, "times")), default=None)
        name = site.parameter or str(site.attributes.get("parameter", "")) or site.op
        yield (
            f'<tr><th scope="row">{words(name)}</th><td>{words(place(site))}</td>'
            f'<td class="right">{told(times)}</td>'
            + "".join(reading(readings.add(points), points) for points in cells)
            + "</tr>"
        )
    yield "</table></div>"
    scene = draw_through_time(recording, diagnosis.findings, width=WIDTH).scene
    yield figure(scene, steps=False)


def head(*names: str) -> str:
    """Write the heads of a table; all but the first two stand over numbers."""
    classes = ["", ""] + [' class="right"'] * len(names)
    cells = zip(names, classes, strict=False)
    return "<tr>" + "".join(f'<th scope="col"{c}>{words(name)}</th>' for name, c in cells) + "</tr>"


def reading(key: str, points: Points, *, share: bool = False) -> str:
    """Write a cell that shows a series at the step of the slider; at first, the last one known."""
    value = points[-1][1] if points else None
    return f'<td class="right" data-reading="{key}">{told(value, share=share)}</td>'


def place(site: Site) -> str:
    """Write where a site is: its line and expression."""
    if site.where is None:
        return ""
    text = site.where.expression.partition("\n")[0]
    short = text if len(text) <= 48 else f"{text[:47]}…"
    return f"line {site.where.line}: {short}" if short else f"line {site.where.line}"
