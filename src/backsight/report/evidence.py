"""The chart under a finding: the very figures that its rule judged by, over the steps."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from ..diagnosis.observations import figures
from ..diagnosis.weights import update_ratios, weights
from ..traces.findings import Finding
from ..traces.recording import Recording, Site
from ..traces.trace import Location
from .curves import MOST_CURVES, Chart, Curve
from .thinning import Points


def evidence_chart(finding: Finding, recording: Recording) -> Chart:
    """Return what a finding rests on as a chart; the loss where nothing else is known of its rule.

    The span that the rule judged by and its threshold are marked where the evidence names them.
    """
    make = CHARTS.get(finding.code, loss_chart)
    chart = make(finding, recording)
    if not any(curve.points for curve in chart.curves):
        chart = loss_chart(finding, recording)
    threshold = finding.evidence.get("threshold") if finding.code in JUDGED else None
    first, last = (finding.evidence.get(name) for name in ("first_step", "last_step"))
    span = None
    if isinstance(first, int):
        span = (first, last if isinstance(last, int) else first)
    return replace(
        chart,
        threshold=float(threshold) if isinstance(threshold, int | float) else None,
        span=span,
    )


def sites_of(finding: Finding, recording: Recording, kind: str) -> list[Site]:
    """Return the sites of a kind that a finding is about; all of that kind where none is."""
    every = list(recording.of_kind(kind))
    there = [site for site in every if same_place(finding.location, site.where)]
    same = [
        site
        for site in there or every
        if (site.op, site.module, site.parameter) == (finding.op, finding.module, finding.parameter)
    ]
    return same or there or every


def same_place(one: Location | None, other: Location | None) -> bool:
    """Tell whether two places are one; the file of a finding is told in a shorter way."""
    if one is None or other is None or Path(one.file).name != Path(other.file).name:
        return False
    return replace(one, file="") == replace(other, file="")


def ratio(site: Site, recording: Recording, part: str, whole: str) -> Points:
    """Return one figure as a share of another, over time."""
    every = dict(figures(recording.probes(site), whole))
    return [
        (step, value / every[step])
        for step, value in figures(recording.probes(site), part)
        if every.get(step, 0) > 0
    ]


def name_of(site: Site) -> str:
    """Name a site shortly: its parameter, its module, or its op."""
    return site.parameter or site.module or site.op


def by_site(
    sites: Iterable[Site], points: Callable[[Site], Points], most: int = MOST_CURVES
) -> tuple[Curve, ...]:
    """Return a curve for each of the first few sites where something was measured."""
    found = ((site, points(site)) for site in sites)
    return tuple(Curve(name_of(site), seen) for site, seen in found if seen)[:most]


def loss_chart(finding: Finding, recording: Recording) -> Chart:
    """Return the loss of every step."""
    points = [(step.number, step.loss) for step in recording.steps if step.loss is not None]
    return Chart("loss", (Curve("loss", points),))


BLOCKED = "share of the gradient's elements that are blocked"
SATURATED = "saturated share"
INACTIVE = "share of units without a single active sample, by stretch of the run"
TIME_GROWTH = "growth of the gradient over all applications"
COEFFICIENT = "clipped norm ÷ norm"
UNDERFLOW = "share of the gradient that underflows"
JUDGED = ("BS103", "BS201", "BS204", "BS205", "BS301", "BS302", "BS402", "BS505")
"""Rules whose chart is of the very figure that they compare with their threshold."""


def blocked(finding: Finding, recording: Recording) -> Chart:
    """Return how much of the gradient a clamp blocks."""
    sites = sites_of(finding, recording, "clamp")[:1]
    curves = by_site(sites, lambda site: ratio(site, recording, "blocked_inward", "arriving"))
    return Chart(BLOCKED, curves, share=True)


def saturated(finding: Finding, recording: Recording) -> Chart:
    """Return how much of an activation is saturated."""
    sites = sites_of(finding, recording, "activation")[:1]
    curves = by_site(sites, lambda site: ratio(site, recording, "saturated", "elements"))
    return Chart(SATURATED, curves, share=True)


def inactive(finding: Finding, recording: Recording) -> Chart:
    """Return how many units of a layer were off, window after window."""

    def points(site: Site) -> Points:
        windows = recording.units(site)
        return [(w.last, float((w.active == 0).mean())) for w in windows if len(w.active)]

    kind = "clamp" if finding.code == "BS302" else "activation"
    return Chart(INACTIVE, by_site(sites_of(finding, recording, kind)[:1], points), share=True)


def by_depth(finding: Finding, recording: Recording) -> Chart:
    """Return the gradients of the farthest weight, the nearest, and some between."""
    sites = weights(recording)
    count = min(MOST_CURVES, len(sites))
    chosen = [sites[i * (len(sites) - 1) // max(count - 1, 1)] for i in range(count)]
    curves = by_site(reversed(chosen), lambda site: figures(recording.probes(site), "gradient_rms"))
    return Chart("gradient (RMS) of weights, farthest from the loss first", curves, log=True)


def gradients(finding: Finding, recording: Recording) -> Chart:
    """Return the gradients of the parameters that a finding names."""
    named = finding.evidence.get("parameters", [finding.parameter])
    sites = [site for site in recording.of_kind("parameter") if site.parameter in named]
    curves = by_site(sites, lambda site: figures(recording.probes(site), "gradient_rms"))
    return Chart("gradient (RMS)", curves, log=True)


def of_figure(kind: str, figure: str, title: str, *, log: bool = False) -> ChartMaker:
    """Return what makes the chart of one figure at the site of a finding."""

    def make(finding: Finding, recording: Recording) -> Chart:
        sites = sites_of(finding, recording, kind)
        curves = by_site(sites, lambda site: figures(recording.probes(site), figure))
        return Chart(title, curves, log=log)

    return make


def of_figures(kind: str, title: str, *names: str) -> ChartMaker:
    """Return what makes the chart of several figures of one site."""

    def make(finding: Finding, recording: Recording) -> Chart:
        site = next(iter(sites_of(finding, recording, kind)), None)
        probes = recording.probes(site) if site is not None else ()
        curves = (Curve(name.replace("_", " "), figures(probes, name)) for name in names)
        return Chart(title, tuple(curve for curve in curves if curve.points))

    return make


def underflow(finding: Finding, recording: Recording) -> Chart:
    """Return how much of a gradient is lost where its type narrows."""
    sites = sites_of(finding, recording, "narrowing")[:1]
    curves = by_site(sites, lambda site: ratio(site, recording, "underflowed", "elements"))
    return Chart(UNDERFLOW, curves, share=True)


def updates(finding: Finding, recording: Recording) -> Chart:
    """Return how large updates are against the weights."""
    curve = Curve("update ÷ weight", update_ratios(recording))
    return Chart("update ÷ weight (spread, median over weights)", (curve,), log=True)


def norms(finding: Finding, recording: Recording) -> Chart:
    """Return the norm of the gradient in every step where it is known."""
    steps = recording.steps
    points = [(s.number, s.gradient_norm) for s in steps if s.gradient_norm is not None]
    return Chart("gradient norm", (Curve("gradient norm", points),), log=True)


ChartMaker = Callable[[Finding, Recording], Chart]

CHARTS: dict[str, ChartMaker] = {
    "BS101": by_depth,
    "BS102": by_depth,
    "BS103": of_figure("recurrence", "total", TIME_GROWTH, log=True),
    "BS104": of_figures("recurrence", "applications that the gradient lasts", "horizon", "times"),
    "BS106": norms,
    "BS201": inactive,
    "BS202": inactive,
    "BS203": inactive,
    "BS204": saturated,
    "BS205": saturated,
    "BS206": of_figure("activation", "std", "spread of the activations (std)", log=True),
    "BS207": gradients,
    "BS301": blocked,
    "BS302": inactive,
    "BS304": gradients,
    "BS305": gradients,
    "BS306": of_figure("parameter", "update_std", "change by each update (std)"),
    "BS309": of_figures(
        "loss",
        "predictions and targets",
        "prediction_min",
        "prediction_max",
        "target_min",
        "target_max",
    ),
    "BS402": underflow,
    "BS502": of_figure("optimizer", "kept", "gradients kept from the update before (1: yes)"),
    "BS505": of_figure("optimizer", "coefficient", COEFFICIENT, log=True),
    "BS506": updates,
    "BS507": updates,
    "BS508": of_figures("input", "inputs", "mean", "std"),
    "BS509": of_figure("module", "evaluating", "in eval mode (1: yes)"),
}
"""What shows the evidence of a rule, by its code."""
