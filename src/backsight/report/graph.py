"""The graph of the first observed pass, folded, with the places of findings marked in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..errors import FileFormatError
from ..pages.html import words
from ..pictures.folding import folded
from ..pictures.graph import MOST_CELLS, draw
from ..traces.findings import Finding
from ..traces.recording import Recording
from ..traces.store import read_outline
from ..traces.trace import Node, Trace
from .evidence import same_place
from .figures import figure


def graph_lines(recording: Recording, findings: Sequence[Finding]) -> Iterator[str]:
    """Yield the picture of the graph; nothing where the recording holds none."""
    event = recording.event("graph")
    if event is None:
        return
    try:
        trace = read_outline(event.detail["outline"])
    except FileFormatError as error:
        yield f'<p class="prose">It cannot be shown: {words(str(error))}.</p>'
        return
    marks = marks_of(trace, findings)
    step = int(event.detail["step"])
    title = f"The pass of step {step:,}: {len(trace):,} values"
    told = ", findings marked" if marks else ""
    yield (
        f'<p class="prose">The backward pass of step {step:,}{told}. ‖…‖ is the norm of an array; '
        "black is what the forward computes, red the gradient that came back.</p>"
    )
    scene = draw(trace, marks=marks, title=title).scene
    yield f'<div class="wide graph" tabindex="0" role="group" aria-label="{words(title)}">'
    yield figure(scene, steps=False)
    yield "</div>"


def marks_of(trace: Trace, findings: Sequence[Finding]) -> dict[int, str]:
    """Return what to write at which nodes: the findings at their place, in the cell drawn last."""
    marks = {}
    for cell in folded(trace, MOST_CELLS).cells:
        codes = [
            finding.code
            for finding in findings
            if any(is_at(finding, trace[i]) for i in cell.nodes)
        ]
        if codes:
            marks[cell.last] = ", ".join(dict.fromkeys(codes))
    return marks


def is_at(finding: Finding, node: Node) -> bool:
    """Tell whether a node is what a finding is about: its expression, or its parameter."""
    if finding.parameter and finding.parameter == node.name and node.op == "parameter":
        return True
    return same_place(finding.location, node.where)
