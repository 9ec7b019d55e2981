"""What all rules share: how long something must hold, and how a claim about a place is written.

One observation is no evidence: batches differ, and a network passes through strange states on its
way. So a verdict needs several in a row, unless the rule says that one is proof.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..traces.findings import Finding, Severity
from ..traces.recording import Probe, Recording, Site

IN_A_ROW = 5

# What a recording holds of its steps, by the name under which rules ask for it.
CURVES = {
    "loss-curve": "loss",
    "gradient-norm": "gradient_norm",
    "learning-rate": "learning_rate",
}


@dataclass(frozen=True, slots=True)
class Streak:
    """The observations in which something held: steps of the first and last, how many, median."""

    first: int
    last: int
    count: int
    median: float


def holds(recording: Recording, what: str) -> bool:
    """Tell whether a recording holds something.

    `what` is a kind of site (`clamp`), a figure of one (`parameter.update_std`), a kind of event
    (`event:non-finite`), or `loss-curve`, `gradient-norm`, `learning-rate`.
    """
    if what in CURVES:
        return any(getattr(step, CURVES[what]) is not None for step in recording.steps)
    if what.startswith("event:"):
        return recording.event(what.removeprefix("event:")) is not None
    kind, _, figure = what.partition(".")
    probes = (probe for site in recording.of_kind(kind) for probe in recording.probes(site))
    return any(not figure or figure in probe.figures for probe in probes)


def lasting(
    values: Sequence[tuple[int, float]],
    holds: Callable[[float], bool],
    in_a_row: int = IN_A_ROW,
    *,
    passing: bool = False,
) -> Streak | None:
    """Return where something held long enough to be judged, None if it did not.

    `values` are (step, value) in time order. It must hold in `in_a_row` consecutive observations,
    and either in half of all or in the last twice `in_a_row`: what was bad for a moment and has
    passed is no finding, unless `passing` says so.
    """
    if not values or in_a_row < 1:
        return None
    true = [holds(value) for _, value in values]
    run = longest = 0
    for each in true:
        run = run + 1 if each else 0
        longest = max(longest, run)
    to_the_end = longest >= in_a_row and run >= 2 * in_a_row
    if longest < in_a_row or not (to_the_end or passing or 2 * sum(true) >= len(true)):
        return None
    kept = [pair for pair, each in zip(values, true, strict=True) if each]
    middle = statistics.median(value for _, value in kept)
    return Streak(kept[0][0], kept[-1][0], len(kept), middle)


def figures(probes: Sequence[Probe], name: str) -> list[tuple[int, float]]:
    """Return one figure over time, as (step, value), where it was measured and is a number."""
    pairs = ((probe.step, probe.figures.get(name)) for probe in probes)
    return [(step, value) for step, value in pairs if value is not None and math.isfinite(value)]


def severity_of(value: float, warning: float, critical: float) -> Severity:
    """Return how bad a value is; whether bad is up or down follows from the two thresholds."""
    beyond = value >= critical if critical >= warning else value <= critical
    return Severity.CRITICAL if beyond else Severity.WARNING


def claim(
    site: Site | None,
    message: str,
    severity: Severity,
    *,
    fix: str,
    evidence: Mapping[str, Any],
    note: str = "",
) -> Finding:
    """Make the finding about a site (None: about the run as a whole)."""
    if site is None:
        return Finding(message, severity, evidence=rounded(evidence), fix=fix, note=note)
    return Finding(
        message=message,
        severity=severity,
        location=site.where,
        op=site.op,
        module=site.module,
        parameter=site.parameter,
        evidence=rounded(evidence),
        fix=fix,
        source=site.source,
        note=note,
        distance=site.attributes.get("distance"),
    )


def rounded(evidence: Mapping[str, Any]) -> dict[str, Any]:
    """Keep four digits of every real number: more is not evidence."""
    return {
        name: float(f"{value:.4g}") if isinstance(value, float) else value
        for name, value in evidence.items()
    }


def named(site: Site) -> str:
    """Name what a site is about in the user's words: its parameter, its expression or its op."""
    if site.parameter:
        return f"`{site.parameter}`"
    if site.where is not None and site.where.expression:
        return f"`{site.where.expression}`"
    return site.op or site.kind


def power(value: float) -> str:
    """Write a figure of any size: `0.31`, `2.4e-06`, `1,300`."""
    if value == 0 or 1e-3 <= abs(value) < 1e4:
        return f"{value:,.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    return f"{value:.1e}"
