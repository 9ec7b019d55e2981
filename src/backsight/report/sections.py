"""The sections of the report that tell of the run as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

from ..diagnosis import Diagnosis
from ..diagnosis.page import finding_blocks, scope
from ..pages.blocks import Block, Heading, Table
from ..pages.html import block_lines, kind, symbol, words
from ..pictures.curves import marks_of
from ..traces.findings import Finding
from ..traces.recording import Recording
from .curves import Chart, Curve
from .evidence import evidence_chart
from .figures import chart_figure
from .readings import Readings


def finding_lines(recording: Recording, diagnosis: Diagnosis, readings: Readings) -> Iterator[str]:
    """Yield the findings, worst first: marked source, what is wrong, the evidence as a chart."""
    if not diagnosis.findings:
        yield f'<p class="prose">{"None so far." if diagnosis.running else "None."}</p>'
    for number, finding in enumerate(diagnosis.findings, start=1):
        label = finding.severity.label
        yield f'<article class="finding {label}" aria-labelledby="finding-{number}">'
        yield (
            f'<h3 id="finding-{number}"{kind(label)}>{symbol(label)}'
            f"{words(f'{finding.code} {finding.rule}')} <small>{label}</small></h3>"
        )
        yield from painted(finding_blocks(finding))
        yield "<details open><summary>Evidence over the run</summary>"
        yield chart_figure(evidence_chart(finding, recording), readings)
        yield from step_buttons(finding)
        yield "</details></article>"


def steps_of(finding: Finding) -> list[int]:
    """Return the steps that a finding speaks of: the first and the last."""
    steps = (finding.evidence.get(name) for name in ("first_step", "step", "last_step"))
    return list(dict.fromkeys(step for step in steps if isinstance(step, int)))


def step_buttons(finding: Finding) -> Iterator[str]:
    """Yield the buttons that move the slider to the steps of a finding; the script shows them."""
    for step in steps_of(finding):
        yield f'<button type="button" data-step="{step}" hidden>Go to step {step:,}</button>'


def painted(blocks: Iterable[Block]) -> Iterator[str]:
    """Yield blocks as HTML; their headings are told by the section around them."""
    return chain.from_iterable(
        block_lines(block) for block in blocks if not isinstance(block, Heading)
    )


def curve_lines(recording: Recording, diagnosis: Diagnosis, readings: Readings) -> Iterator[str]:
    """Yield loss, gradient norm and learning rate over the steps, with the findings marked."""
    charts = []
    steps = (recording.steps[0].number, recording.steps[-1].number) if recording.steps else None
    for name in ("loss", "gradient_norm", "learning_rate"):
        points = [
            (step.number, value)
            for step in recording.steps
            if (value := getattr(step, name)) is not None
        ]
        if points:
            title = name.replace("_", " ")
            marks = marks_of(diagnosis.findings)
            charts.append(
                Chart(title.capitalize(), (Curve(title, points),), marks=marks, steps=steps)
            )
    if not charts:
        yield '<p class="prose">No step is known.</p>'
        return
    yield '<div class="grid">'
    for chart in charts:
        yield chart_figure(chart, readings)
    yield "</div>"


def scope_lines(diagnosis: Diagnosis) -> Iterator[str]:
    """Yield what was seen and what was not."""
    return painted(scope(diagnosis))


def run_lines(recording: Recording, diagnosis: Diagnosis) -> Iterator[str]:
    """Yield what the run was: its script, its versions, its optimisers, its end."""
    meta = recording.meta
    script = " ".join(str(part) for part in (meta.get("script", ""), *meta.get("argv", ())))
    rows = [("script", script), ("folder", str(meta.get("folder", "")))]
    started = meta.get("started")
    if isinstance(started, int | float):
        moment = datetime.fromtimestamp(started, tz=UTC)
        rows.append(("started", f"{moment:%Y-%m-%d %H:%M:%S} UTC"))
    rows.append(("watched", str(meta.get("source", ""))))
    versions = meta.get("versions", {})
    rows.append(("versions", ", ".join(f"{name} {text}" for name, text in versions.items())))
    code = diagnosis.script_exit_code
    end = "still running" if diagnosis.running else "killed, or not told"
    rows.append(("end", end if code is None else f"exit code {code}"))
    for kind_of_event in ("optimizer", "schedule"):
        for event in recording.events_of(kind_of_event):
            detail = event.detail if isinstance(event.detail, dict) else {}
            rate = detail.get("learning_rate")
            text = f"{detail.get('op', '')}" + (f", learning rate {rate:g}" if rate else "")
            where = f", line {event.where.line}" if event.where is not None else ""
            rows.append((kind_of_event.replace("optimizer", "optimiser"), text + where))
    files = meta.get("merged") or [recording.path]
    rows += [("recording", str(Path(path).resolve())) for path in files]
    yield from block_lines(Table(tuple(row for row in rows if row[1])))


def slider_lines(recording: Recording, readings: Readings) -> Iterator[str]:
    """Yield the slider; it is hidden where no script runs."""
    if len(readings.stops) < 2:
        return
    last = len(readings.stops) - 1
    total = int(recording.meta.get("steps", 0)) or readings.stops[-1]
    yield '<form class="slider" id="slider" aria-label="Step shown" hidden>'
    yield f'<label for="step">Step <b id="shown">{readings.stops[-1]:,}</b> of {total:,}</label>'
    yield f'<input type="range" id="step" min="0" max="{last}" value="{last}">'
    yield '<span class="caption">arrow keys move it; numbers and marks follow</span>'
    yield "</form>"
