"""From a recording to lines: figures over steps, thinned where there are many; marks."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from ..pages.vector.plot import Band, Mark, Series
from ..pages.vector.scene import Label, Role, Scene
from ..pages.vector.words import wrapped
from ..traces.findings import Finding, Severity
from ..traces.recording import Recording, Site, Step
from .graph import Drawing

MOST_POINTS = 240  # of one line; more could not be seen
SIGNS = {Severity.CRITICAL: "✖", Severity.WARNING: "▲", Severity.INFO: "●"}
Points = tuple[tuple[float, float], ...]


def line(
    name: str, points: Sequence[tuple[float, float]], role: Role = "value"
) -> tuple[Series, Band | None]:
    """Return points as a line; of many, the medians of stretches of x and what lies around them.

    Numbers that are not finite break the line.
    """
    if len(points) <= MOST_POINTS:
        return Series(name, tuple(points), role), None
    first, last = points[0][0], points[-1][0]
    bins: dict[int, list[tuple[float, float]]] = {}
    for x, y in points:
        place = min(int((x - first) / (last - first) * MOST_POINTS), MOST_POINTS - 1)
        bins.setdefault(place, []).append((x, y))
    medians, around = [], []
    for each in bins.values():
        x = statistics.median(x for x, _ in each)
        finite = [y for _, y in each if math.isfinite(y)]
        medians.append((x, statistics.median(finite) if finite else math.nan))
        if finite:
            around.append((x, min(finite), max(finite)))
        if len(finite) < len(each):
            medians.append((x, math.nan))
    return Series(name, tuple(medians), role), Band("all steps", tuple(around), role)


def of_steps(recording: Recording, figure: Callable[[Step], float | None]) -> Points:
    """Return one figure of the steps as points, where it is known."""
    pairs = ((step.number, figure(step)) for step in recording.steps)
    return tuple((float(number), value) for number, value in pairs if value is not None)


def of_site(recording: Recording, site: Site, *names: str) -> Points:
    """Return a figure of a site over steps; with a second name, their quotient."""
    found = []
    for probe in recording.probes(site):
        values = [probe.figures.get(name) for name in names]
        if any(value is None for value in values):
            continue
        value = values[0]
        if len(values) > 1:
            below = values[1]
            value = value / below if below else math.nan  # type: ignore[operator]
        found.append((float(probe.step), float(value)))  # type: ignore[arg-type]
    return tuple(found)


def marks_of(findings: Iterable[Finding]) -> tuple[Mark, ...]:
    """Return findings as marks at the steps in which they were first seen, one for each step."""
    by_step: dict[float, list[Finding]] = {}
    for finding in findings:
        step = finding.evidence.get("first_step", finding.evidence.get("step"))
        if isinstance(step, int | float) and not isinstance(step, bool):
            by_step.setdefault(float(step), []).append(finding)
    marks = []
    for step, several in sorted(by_step.items()):
        several.sort(key=lambda each: (-each.severity, each.code))
        notes = list(dict.fromkeys(f"{SIGNS[each.severity]} {each.code}" for each in several))
        note = " ".join(notes[:3]) + (f" +{len(notes) - 3}" if len(notes) > 3 else "")
        tip = "; ".join(f"{each.code} {each.rule}: {each.message}" for each in several)
        marks.append(Mark(step, note, tip))
    return tuple(marks)


def is_at(finding: Finding, site: Site) -> bool:
    """Tell whether a finding is about a site; the file of either may be written in another way."""
    here, there = finding.location, site.where
    if here is None or there is None:
        return here is there and finding.op in ("", site.op)
    same_file = Path(here.file).name == Path(there.file).name
    return (
        same_file
        and (here.line, here.column, here.end_line, here.end_column)
        == (there.line, there.column, there.end_line, there.end_column)
        and finding.op in ("", site.op)
        and finding.parameter in ("", site.parameter)
        and finding.module in ("", site.module)
    )


def is_wide(points: Iterable[tuple[float, float]], ratio: float = 50.0) -> bool:
    """Tell whether numbers are best seen on a logarithmic axis: all positive, and far apart."""
    finite = [y for _, y in points if math.isfinite(y)]
    return bool(finite) and min(finite) > 0 and max(finite) > ratio * min(finite)


def weights(recording: Recording) -> list[Site]:
    """Return the weights of a network from its input to its loss: parameters of two axes or more.

    All parameters where none has two axes.
    """
    sites = list(recording.of_kind("parameter"))
    chosen = [site for site in sites if site.attributes.get("weight")] or sites
    return sorted(chosen, key=lambda site: (-(site.attributes.get("distance") or 0), site.id))


def some(several: Sequence[Any], most: int) -> list[Any]:
    """Return at most `most` of several things, evenly chosen, the first and the last among them."""
    if len(several) <= most:
        return list(several)
    if most < 2:
        return list(several[:most])
    places = sorted({round(i * (len(several) - 1) / (most - 1)) for i in range(most)})
    return [several[place] for place in places]


def site_name(site: Site) -> str:
    """Return what a picture calls a site: its parameter, its module, or its expression."""
    if site.parameter:
        return site.parameter
    expression = site.where.expression if site.where is not None else ""
    name = site.module or expression or site.op
    return name if site.op in name else f"{name} {site.op}"


def names_of(sites: Sequence[Site]) -> list[str]:
    """Return a name for each site, with its line where two would be called the same."""
    names = [site_name(site) for site in sites]
    found = []
    for site, name in zip(sites, names, strict=True):
        again = names.count(name) > 1 and site.where is not None
        found.append(f"{name} :{site.where.line}" if again and site.where is not None else name)
    return found


def ends(names: Sequence[str]) -> tuple[int, int]:
    """Return how many parts of dotted names all begin with, and how many all end with."""
    parts = [name.split(".") for name in names]
    counts = [0, 0]
    for which, end in enumerate((0, -1)):
        while min(map(len, parts), default=0) > 1 and len({part[end] for part in parts}) == 1:
            parts = [part[1:] if end == 0 else part[:-1] for part in parts]
            counts[which] += 1
    return (counts[0], counts[1]) if len(names) > 1 else (0, 0)


def trimmed(names: Sequence[str]) -> list[str]:
    """Return dotted names without what all of them begin and end with.

    >>> trimmed(["model.layers.0.weight", "model.out.weight"])
    ['layers.0', 'out']
    """
    before, after = ends(names)
    return [".".join((parts := name.split("."))[before : len(parts) - after]) for name in names]


def shared(names: Sequence[str]) -> str:
    """Return what `trimmed` leaves out, with a star for what it keeps; "" where that is nothing.

    >>> shared(["model.layers.0.weight", "model.out.weight"])
    'model.*.weight'
    """
    before, after = ends(names)
    if not before and not after:
        return ""
    parts = names[0].split(".")
    return ".".join([*parts[:before], "*", *parts[len(parts) - after :]])


def nothing(title: str, why: str, width: float = 640.0) -> Drawing:
    """Return a picture that says why there is nothing to see."""
    lines = [(title, "value", True), *((each, "note", False) for each in wrapped(why, width, 10))]
    items = tuple(
        Label(0, 14 + 16 * i, text, "value" if bold else "note", 12.5 if bold else 10, bold=bold)
        for i, (text, _, bold) in enumerate(lines)
    )
    return Drawing(Scene(width, 6 + 16.0 * len(lines), items, title, why))
