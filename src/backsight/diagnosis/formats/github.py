"""A diagnosis as workflow commands of GitHub Actions: each finding marks its line in a review.

`::error file=dqn.py,line=41,endLine=41,col=20,endColumn=44,title=BS301 clip-blocks-loss::clip …`

The runner takes such lines from stdout and from stderr alike. Source: docs.github.com, "Workflow
commands for GitHub Actions"; the escapes are those of actions/toolkit, `command.ts`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...traces.findings import Finding, Severity
from .places import root_of, within

if TYPE_CHECKING:
    from ..diagnosis import Diagnosis

LEVELS = {Severity.INFO: "notice", Severity.WARNING: "warning", Severity.CRITICAL: "error"}


def as_github(diagnosis: Diagnosis) -> str:
    """Return a line for each finding, and one that says how it stands where there is none."""
    from ..page import verdict

    root = root_of(diagnosis.folder)
    lines = [command_of(finding, diagnosis.folder, root) for finding in diagnosis.findings]
    if not lines or diagnosis.status == "watching-failed":
        level = "warning" if diagnosis.status == "watching-failed" else "notice"
        title = f"Backsight: {diagnosis.script}" if diagnosis.script else "Backsight"
        told = " ".join([verdict(diagnosis), *not_observed(diagnosis)])
        lines.append(f"::{level} title={in_property(title)}::{in_message(told)}")
    return "".join(f"{line}\n" for line in lines)


def not_observed(diagnosis: Diagnosis) -> Iterator[str]:
    """Yield a sentence for each thing that was not observed."""
    return (f"Not observed: {what}." for what in diagnosis.observed.get("not_observed", ()))


def command_of(finding: Finding, folder: str, root: str) -> str:
    """Return the workflow command of one finding."""
    properties: dict[str, object] = {}
    where = finding.location
    if where is not None:
        properties["file"], _ = within(where.file, folder, root)
        properties["line"], properties["endLine"] = where.line, where.end_line
        if where.line == where.end_line:  # GitHub takes columns only within one line
            properties["col"] = where.column
            properties["endColumn"] = max(where.end_column - 1, where.column)  # the last one marked
    properties["title"] = f"{finding.code} {finding.rule}"
    named = [name for name in (finding.module, finding.parameter) if name]
    parts = [f"In {', '.join(named)}: {finding.message}" if named else finding.message]
    parts += [f"Fix: {finding.fix}"] if finding.fix else []
    parts += [f"Also {symptom.code}: {symptom.message}" for symptom in finding.symptoms]
    told = ",".join(f"{name}={in_property(str(value))}" for name, value in properties.items())
    return f"::{LEVELS[finding.severity]} {told}::{in_message(chr(10).join(parts))}"


def in_message(text: str) -> str:
    """Escape what would end a message."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def in_property(text: str) -> str:
    """Escape what would end a property or the list of them."""
    return in_message(text).replace(":", "%3A").replace(",", "%2C")
