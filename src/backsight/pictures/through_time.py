"""A gradient on its way back through time: of a recurrence over a run, or of one pass."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

import numpy as np

from ..arrays import Array
from ..ops.protocol import OPS
from ..pages.vector.axes import WIDTH, laid_out
from ..pages.vector.plot import Level, Plot, Series
from ..pages.vector.scales import brief
from ..pages.vector.scene import Scene
from ..pages.vector.sheet import sheet
from ..traces.findings import Finding
from ..traces.recording import Probe, Recording, Site
from ..traces.trace import Node, Trace
from .curves import is_at, marks_of, nothing, of_site, site_name
from .folding import repeated, title_of
from .graph import Drawing

MOST_RECURRENCES = 4
MOST_LINES = 6


def draw_through_time(
    source: Recording | Trace, findings: Iterable[Finding] = (), *, width: float = WIDTH
) -> Drawing:
    """Draw how a gradient grows or shrinks on its way back through time.

    Of a recording: for each recurrence, what is left of one step's contribution after k
    applications of the weight, and the growth per application over the steps of the run. Of a
    trace: the norm of the gradient that arrived at every time step, as it is.
    """
    if isinstance(source, Trace):
        return of_trace(source, width)
    sites = [site for site in source.of_kind("recurrence") if kept(source.probes(site))]
    if not sites:
        why = "No parameter was seen to be applied again and again (eight times or more)."
        return nothing("Gradient through time", why, width)
    return of_sites(source, sites, tuple(findings), width)


def of_sites(
    recording: Recording, sites: Sequence[Site], findings: tuple[Finding, ...], width: float
) -> Drawing:
    """Draw some recurrences of a run, two plots for each."""
    scenes: list[Scene] = []
    for site in sites[:MOST_RECURRENCES]:
        scenes += [way_back(recording, site, width), growth(recording, site, findings, width)]
    more = len(sites) - MOST_RECURRENCES
    notes = [f"{more} more recurrences are not shown."] if more > 0 else []
    return Drawing(sheet(scenes, notes=notes))


def kept(probes: Sequence[Probe]) -> list[Probe]:
    """Return the probes that measured a growth."""
    return [
        probe
        for probe in probes
        if probe.figures.get("times", 0) >= 2
        and not math.isnan(probe.figures.get("total", math.nan))
    ]


def way_back(recording: Recording, site: Site, width: float) -> Scene:
    """Draw what is left of a gradient after k applications, for three steps of the run."""
    probes = kept(recording.probes(site))
    chosen = list(dict.fromkeys([0, len(probes) // 2, len(probes) - 1]))
    series = tuple(
        Series(f"step {probes[i].step:,}", remaining(probes[i]), "gradient") for i in chosen
    )
    plot = Plot(
        f"{site_name(site)} through time: one gradient on its way back",
        "applications back in time",
        "what is left of it (1: all), logarithmic",
        series,
        levels=(Level(1.0, "all of it"),),
        log_y=True,
        notes=(
            "Measured: how much is left at the end. On the way there it is drawn with the mean "
            "growth per application.",
        ),
        whole_x=True,
        name=f"plot-through-time-{site.id}",
    )
    return laid_out(plot, width=width)


def remaining(probe: Probe) -> tuple[tuple[float, float], ...]:
    """Return what is left after each application: measured at the last, between by the mean growth.

    An underflow on the way ends at 0.
    """
    times, total = int(probe["times"]), probe["total"]
    if not total > 0 or not math.isfinite(total):
        return ((0.0, 1.0), (times - 1.0, total))
    step = math.log(total) / (times - 1)
    return tuple((float(k), math.exp(step * k)) for k in range(times))


def growth(recording: Recording, site: Site, findings: tuple[Finding, ...], width: float) -> Scene:
    """Draw the growth per application over the steps of the run, and the spectral radius."""
    series = [Series("growth", of_site(recording, site, "growth"), "gradient", measured=True)]
    radius = of_site(recording, site, "spectral_radius")
    if radius:
        series.append(Series("spectral radius", radius, "value", dots=True))
    here = [finding for finding in findings if is_at(finding, site)]
    plot = Plot(
        f"{site_name(site)} through time: growth of the gradient per application",
        "step (backward passes)",
        "factor per application",
        tuple(series),
        levels=(Level(1.0, "carried on"),),
        marks=marks_of(here),
        whole_x=True,
        name=f"plot-growth-{site.id}",
    )
    return laid_out(plot, width=width, height=130)


def of_trace(trace: Trace, width: float) -> Drawing:
    """Draw the norms of the gradients that arrived at each repetition of an expression."""
    title = "Gradient through time"
    # Where gradients are only handed on they are the same: one line for all of them.
    alike = {norms: name for nodes in repeated(trace) for name, norms in arrivals(nodes)}
    groups = [(name, norms) for norms, name in alike.items() if not all(map(math.isnan, norms))]
    if not groups:
        why = "Nothing in this pass is repeated four times or more with the same parameters."
        return nothing(title, why, width)
    series = tuple(
        Series(name, tuple((float(t + 1), norm) for t, norm in enumerate(norms)), "gradient")
        for name, norms in groups[:MOST_LINES]
    )
    steps = max(len(norms) for _, norms in groups)
    notes = []
    if len(groups) > MOST_LINES:
        notes.append(f"{len(groups) - MOST_LINES} more repeated expressions are not shown.")
    norms = [norm for norm in groups[-1][1] if norm > 0 and math.isfinite(norm)]
    if len(norms) > 1:
        factor = statistics.geometric_mean([a / b for a, b in pairwise(norms)])
        notes.append(f"{series[-1].name}: a factor of {brief(factor)} per step back (mean).")
    plot = Plot(
        f"{title}: {steps} steps",
        "time step (backward: from right to left)",
        "norm of the gradient that arrived, logarithmic",
        series,
        log_y=True,
        notes=tuple(notes),
        whole_x=True,
        name="plot-through-time",
    )
    return Drawing(laid_out(plot, width=width))


def arrivals(nodes: Sequence[Node]) -> Iterator[tuple[str, tuple[float, ...]]]:
    """Yield the norms of the gradients that arrived at a repeated expression, by its outputs."""
    name = titled(nodes[0])
    op = OPS.get(nodes[0].op)
    if not isinstance(nodes[0].value, tuple) or op is None:
        yield name, tuple(gradient_norm(node) for node in nodes)
        return
    for i, output in enumerate(op.outputs):
        parts = (node.grad[i] if isinstance(node.grad, tuple) else None for node in nodes)
        yield f"{output} of {name}", tuple(norm_of(part) for part in parts)


def titled(node: Node) -> str:
    """Return what a line is called: the expression where it is short, else the op."""
    expression = node.where.expression if node.where is not None else ""
    short = 0 < len(expression) <= 24 and "\n" not in expression
    several = isinstance(node.value, tuple)
    return expression if short and not several else node.name or title_of(node)


def gradient_norm(node: Node) -> float:
    """Return the norm of the gradient at a node, NaN where none is known."""
    if node.grad_stats is not None:
        return node.grad_stats.rms * math.sqrt(node.grad_stats.count)
    return math.nan if isinstance(node.grad, tuple) else norm_of(node.grad)


def norm_of(gradient: Array | None) -> float:
    """Return the norm of a gradient, NaN where none arrived."""
    if gradient is None:
        return math.nan
    return float(np.linalg.norm(np.asarray(gradient, dtype=np.float64)))
