"""How a diagnosis looks: the verdict first, then findings by severity, then what was seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..pages import Block, Code, Heading, Mark, Page, Prose
from ..traces.findings import Finding, Severity
from .observations import IN_A_ROW

if TYPE_CHECKING:
    from .diagnosis import Diagnosis


def page_of(diagnosis: Diagnosis, *, with_scope: bool = True) -> Page:
    """Return the page of a diagnosis; without its scope (what was seen) if so wished."""
    script = diagnosis.script or "this run"
    blocks: list[Block] = [Prose(verdict(diagnosis), severity=colour(diagnosis))]
    for finding in diagnosis.findings:
        blocks += finding_blocks(finding)
    if with_scope:
        blocks += scope(diagnosis)
    return Page(f"Diagnosis of {script}", tuple(blocks))


def verdict(diagnosis: Diagnosis) -> str:
    """Say in one sentence how it stands."""
    counts = Counter(finding.severity for finding in diagnosis.findings)
    found = ", ".join(
        f"{counts[severity]} {severity.label}" for severity in sorted(counts, reverse=True)
    )
    findings = f"{found} finding{'s' if sum(counts.values()) > 1 else ''}"
    match diagnosis.status:
        case "clean" if too_few(diagnosis):
            return "No leak found, but too few steps were observed to rule one out."
        case "clean":
            return "No leak found so far." if diagnosis.running else "No leak found."
        case "not-observed":
            return "Nothing was observed, so nothing can be said about this run."
        case "watching-failed":
            before = f" Until then: {findings}." if counts else ""
            return f"Watching broke off: {diagnosis.failure}.{before}"
    return f"{findings[0].upper()}{findings[1:]}."


def colour(diagnosis: Diagnosis) -> str:
    """Return the severity of the verdict: that of the worst finding."""
    if diagnosis.findings:
        return max(finding.severity for finding in diagnosis.findings).label
    if diagnosis.status == "clean":
        return "info" if too_few(diagnosis) else "ok"
    return "warning" if diagnosis.status == "watching-failed" else "info"


def too_few(diagnosis: Diagnosis) -> bool:
    """Tell whether fewer steps were observed than there were, and than most rules need."""
    seen = diagnosis.observed
    return bool(seen.get("probed", 0) < min(seen.get("steps", 0), IN_A_ROW))


def finding_blocks(finding: Finding) -> Iterator[Block]:
    """Yield a finding: its place in the source, what is wrong, evidence, fix, symptoms."""
    yield Heading(f"{finding.code} {finding.rule}", severity=finding.severity.label)
    where = finding.location
    if where is not None:
        caption = f"{where.file}:{where.line}:{where.column}"
        if where.function not in ("", "<module>"):
            caption += f" in {where.function}"
        if finding.source:
            mark = Mark(
                where.line,
                where.end_line,
                where.column,
                where.end_column,
                note=finding.note or finding.op,
                severity=finding.severity.label,
            )
            yield Code(finding.source, where.line, caption, (mark,))
        else:
            yield Code(where.expression, where.line, caption)
    place = [
        f"{what} {name}"
        for what, name in (("module", finding.module), ("parameter", finding.parameter))
        if name
    ]
    if finding.rank is not None:
        place.append(f"rank {finding.rank} only")
    yield Prose(finding.message)
    if place:
        yield Prose(", ".join(place), label="in")
    if finding.evidence:
        yield Prose(evidence(finding.evidence), label="evidence")
    if finding.fix:
        yield Prose(finding.fix, label="fix")
    for symptom in finding.symptoms:
        yield Prose(symptom.message, label=f"also {symptom.code}")


def evidence(figures: Mapping[str, Any]) -> str:
    """Write evidence on one line: `blocked share 87%, threshold 50%, steps 3 to 190, …`."""
    told = []
    share = False
    for name, value in figures.items():
        if name == "last_step" and "first_step" in figures:
            continue
        if name == "first_step" and "last_step" in figures:
            told.append(f"steps {number(value)} to {number(figures['last_step'])}")
            continue
        # A threshold is in the unit of what stands before it.
        share = name.endswith("share") or (share and name == "threshold")
        shown = number(value, share=share)
        told.append(f"{name.replace('_', ' ')} {shown}")
    return ", ".join(told)


def number(value: Any, *, share: bool = False) -> str:
    """Write a number as people read it; a share in percent."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if share and 0 <= value <= 1:
        return f"{value:.3g}" if 0 < value < 0.01 else f"{value:.0%}"
    return f"{value:,}" if isinstance(value, int) else f"{value:.3g}"


def scope(diagnosis: Diagnosis) -> Iterator[Block]:
    """Yield what was and what was not observed, and what the observing cost."""
    seen = diagnosis.observed
    steps, probed = seen.get("steps", 0), seen.get("probed", 0)
    cost = f"{diagnosis.seconds:.2g} s, {seen.get('overhead', 0.0):.1%} of the run"
    overhead = f"; watching took {cost}" if probed else ""
    rules = f" Rules applied: {', '.join(diagnosis.rules)}." if diagnosis.rules else ""
    ended = ""
    if diagnosis.running:
        ended = f" The run is still going on: this is as of step {steps:,}."
    elif not diagnosis.ended:
        ended = f" The run was killed: the recording ends at step {steps:,}."
    elif diagnosis.script_exit_code:
        ended = f" The script ended with exit code {diagnosis.script_exit_code}."
    plural = "s" if steps != 1 else ""
    yield Heading("Observed")
    share = f"{probed:,} of {steps:,} step{plural} (a step is one backward pass)"
    yield Prose(f"{share}{overhead}.{rules}{ended}")
    for what in seen.get("not_observed", ()):
        yield Prose(str(what), label="not observed")
    for code, count in diagnosis.ignored.items():
        yield Prose(f"{count} finding{'s' if count > 1 else ''} of {code}", label="ignored as told")


def worst(diagnosis: Diagnosis) -> Severity | None:
    """Return the highest severity found, None where nothing was."""
    return max((finding.severity for finding in diagnosis.findings), default=None)
