"""A run as one HTML document: it needs no network, and without its script it is whole as well."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from importlib import resources

from ..diagnosis import Diagnosis
from ..diagnosis.page import colour, verdict
from ..pages.html import STYLE as PAGE_STYLE
from ..pages.html import kind, symbol, words
from ..pages.vector.svg import STYLE as PICTURE_STYLE
from ..traces.recording import Recording
from .graph import graph_lines
from .layers import activation_lines, flow_lines, row_count, time_lines
from .readings import Readings, stops_of
from .sections import (
    curve_lines,
    finding_lines,
    run_lines,
    scope_lines,
    slider_lines,
    steps_of,
)
from .units import map_lines, mapped

GENERATOR = "Backsight report"
EVIDENCE = 4  # series of numbers in the chart of a finding, at most


def report_html(recording: Recording, diagnosis: Diagnosis) -> str:
    """Return the report of a run: verdict, findings, curves, layers, units, what was not seen.

    All that comes from the user's program (names, source, messages) is escaped; the content
    security policy forbids every script and style but our own, and every request.
    """
    series = row_count(recording) + EVIDENCE * len(diagnosis.findings) + EVIDENCE
    wanted = [step for finding in diagnosis.findings for step in steps_of(finding)]
    readings = Readings(stops_of(recording, series, wanted))
    style = f"{PAGE_STYLE}\n{PICTURE_STYLE}\n{asset('report.css')}"
    script = asset("report.js")
    title = words(f"Backsight: {diagnosis.script or 'a run'}")
    body = "\n".join(body_lines(recording, diagnosis, readings))
    policy = (
        f"default-src 'none'; style-src '{digest(style)}'; script-src '{digest(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="generator" content="{GENERATOR}">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>{style}</style>
</head>
<body class="page report">
{body}
<script type="application/json" id="readings">{readings.to_json()}</script>
<script>{script}</script>
</body>
</html>
"""


def asset(name: str) -> str:
    """Return the text of a file that lies beside this one."""
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def digest(text: str) -> str:
    """Return what a content security policy calls a text by."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def body_lines(recording: Recording, diagnosis: Diagnosis, readings: Readings) -> Iterator[str]:
    """Yield the parts of the document in their order."""
    severity = colour(diagnosis)
    parts = [
        ("findings", "Findings", list(finding_lines(recording, diagnosis, readings))),
        ("curves", "Loss and norms", list(curve_lines(recording, diagnosis, readings))),
        ("flow", "Gradient by layer", list(flow_lines(recording, diagnosis, readings))),
    ]
    graph = list(graph_lines(recording, diagnosis.findings))
    parts.insert(1, ("graph", "The graph", graph))
    if any(recording.of_kind("recurrence")):
        parts.append(
            ("time", "Gradient through time", list(time_lines(recording, diagnosis, readings)))
        )
    parts.append(("activations", "Activations", list(activation_lines(recording, readings))))
    if mapped(recording):
        parts.append(("units", "Units", list(map_lines(recording))))
    parts += [
        ("observed", "What was observed, and what was not", list(scope_lines(diagnosis))),
        ("run", "The run", list(run_lines(recording, diagnosis))),
    ]
    parts = [part for part in parts if part[2]]
    yield '<a class="skip" href="#main">To the findings</a>'
    yield "<header>"
    yield f"<h1>{words(diagnosis.script or 'A run')}</h1>"
    sign = f"<span{kind(severity)}>{symbol(severity)}</span>"
    yield f'<p class="verdict">{sign}{words(verdict(diagnosis))}</p>'
    yield '<nav aria-label="Contents"><ul>'
    yield from (f'<li><a href="#{id}">{name}</a></li>' for id, name, _ in parts)
    yield "</ul></nav>"
    yield "</header>"
    yield '<main id="main">'
    for id, name, lines in parts:
        yield f'<section id="{id}" aria-labelledby="{id}-head">'
        yield f'<h2 id="{id}-head">{name}</h2>'
        yield from lines
        yield "</section>"
    yield "</main>"
    yield from slider_lines(recording, readings)
