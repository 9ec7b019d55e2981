"""What a recording says: `diagnose` and its result, `Diagnosis`."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

from ..errors import UsageError
from ..pages import Page
from ..traces.findings import Finding, Severity
from ..traces.recording import Recording, load_recording
from .causes import in_order
from .page import page_of
from .registry import all_rules, find_rule
from .settings import Settings, settings_near

STATUSES = ("clean", "findings", "not-observed", "watching-failed")
IGNORE = re.compile(r"#\s*backsight:\s*ignore(?:\[([^\]]*)\])?", re.IGNORECASE)


@dataclass(frozen=True, eq=False, slots=True)
class Diagnosis:
    """The verdict on one run: `status`, what was `observed`, and the `findings`, worst first.

    `status` is `clean` only if something was observed and no rule fired; `not-observed` if nothing
    could be seen, `watching-failed` if Backsight's own watching broke off. `script_exit_code` is
    None while the script runs, or if it was killed.
    """

    status: str
    script: str
    script_exit_code: int | None
    observed: Mapping[str, Any]
    findings: tuple[Finding, ...] = ()
    failure: str = ""
    ended: bool = True
    seconds: float = 0.0
    ignored: Mapping[str, int] = field(default_factory=dict)
    rules: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON data, version 1."""
        return {
            "version": 1,
            "status": self.status,
            "script_exit_code": self.script_exit_code,
            "observed": _plain(self.observed),
            "findings": [_finding_json(finding) for finding in self.findings],
        }

    def page(self, *, with_scope: bool = True) -> Page:
        """Return it as a page: verdict, findings and, unless told otherwise, what was seen."""
        return page_of(self, with_scope=with_scope)

    def save(self, path: str | Path) -> None:
        """Write it to a file: JSON if the name ends in `.json`, else its page.

        Raises UsageError for a suffix that no painter knows.
        """
        path = Path(path)
        if path.suffix == ".json":
            path.write_text(self.to_text("json"), encoding="utf-8")
        else:
            self.page().save(path)

    def to_text(self, format: str = "text") -> str:
        """Return it as `json` or as plain `text`."""
        if format == "json":
            return json.dumps(self.to_json(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        return str(self.page())


def diagnose(recording: Recording | str | Path, **thresholds: Mapping[str, Any]) -> Diagnosis:
    """Apply every rule to a recording, given itself or as a file.

    Thresholds are given by rule: `diagnose(run, BS301={"warning": 0.3})`. A finding is left out
    where its source line says `# backsight: ignore[BS301]`. What the nearest pyproject.toml of the
    script says in `[tool.backsight]` holds, too.

    Raises FileFormatError for a file that is no recording, UsageError for unknown rules or
    thresholds.
    """
    if not isinstance(recording, Recording):
        recording = load_recording(recording)
    settings = _settings_of(recording)
    chosen = {**settings.thresholds}
    for code, values in _by_code(thresholds).items():
        chosen[code] = {**chosen.get(code, {}), **values}
    applied = [
        rule
        for rule in all_rules()
        if rule.code not in settings.disabled and rule.applies_to(recording)
    ]
    found: list[Finding] = []
    supporting: list[Finding] = []
    ignored: dict[str, int] = {}
    for rule in applied:
        for finding in rule(recording, **chosen.get(rule.code, {})):
            if is_ignored(finding):
                ignored[rule.code] = ignored.get(rule.code, 0) + 1
            else:
                named = _relative(finding, recording.meta.get("folder", ""))
                (supporting if rule.supports else found).append(named)
    found = in_order(raised(found, supporting), supporting)
    failure, ended = recording.event("failure"), recording.event("exit")
    return Diagnosis(
        _status(recording, found),
        recording.meta.get("script", ""),
        ended.detail if ended else None,
        {
            "steps": recording.meta.get("steps", 0),
            "probed": recording.meta.get("probed", 0),
            "overhead": round(recording.meta.get("overhead", 0.0), 4),
            "not_observed": _not_observed(recording),
        },
        tuple(found),
        str(failure.detail) if failure else "",
        ended is not None,
        recording.meta.get("seconds", 0.0),
        ignored,
        tuple(rule.code for rule in applied),
    )


def raised(found: list[Finding], supporting: list[Finding]) -> list[Finding]:
    """Make critical of every warning if the run learns nothing at all (BS504)."""
    if not any(each.code == "BS504" and each.evidence.get("stuck") for each in supporting):
        return found
    return [
        dataclasses.replace(each, severity=Severity.CRITICAL)
        if each.severity is Severity.WARNING
        else each
        for each in found
    ]


def is_ignored(finding: Finding) -> bool:
    """Tell whether a comment on the source lines of a finding silences it."""
    for codes in IGNORE.findall(finding.source):
        named = {code.strip().upper() for code in codes.split(",") if code.strip()}
        if not named or finding.code in named:
            return True
    return False


def _settings_of(recording: Recording) -> Settings:
    if not recording.meta.get("folder"):
        return Settings()
    folder = Path(recording.meta["folder"])
    script = folder / str(recording.meta.get("script", ""))
    return settings_near(script if script.is_file() else folder)


def _by_code(thresholds: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    chosen = {}
    for name, values in thresholds.items():
        rule = find_rule(name)
        if rule is None:
            known = ", ".join(rule.code for rule in all_rules())
            raise UsageError(f"there is no rule {name!r}; rules: {known}")
        rule.check_names(values)
        chosen[rule.code] = values
    return chosen


def _status(recording: Recording, findings: list[Finding]) -> str:
    if recording.event("failure") is not None:
        return "watching-failed"
    if findings:
        return "findings"
    return "clean" if recording.meta.get("probed", 0) else "not-observed"


def _not_observed(recording: Recording) -> list[str]:
    missed = [str(event.detail) for event in recording.events if event.kind == "not-observed"]
    if not recording.meta.get("steps", 0):
        missed.insert(
            0,
            "any backward pass: loss.backward() was never called, of PyTorch or Backsight's engine",
        )
    return list(dict.fromkeys(missed))


def _relative(finding: Finding, folder: str) -> Finding:
    """Name the file as the user does: from the folder in which the script was started."""
    where = finding.location
    if where is None or not folder:
        return finding
    try:
        file = str(PurePath(where.file).relative_to(folder))
    except ValueError:
        return finding
    return dataclasses.replace(finding, location=dataclasses.replace(where, file=file))


def _finding_json(finding: Finding) -> dict[str, Any]:
    where = finding.location
    return {
        "code": finding.code,
        "rule": finding.rule,
        "severity": finding.severity.label,
        "message": finding.message,
        "location": None
        if where is None
        else {
            "file": where.file,
            "line": where.line,
            "end_line": where.end_line,
            "column": where.column,
            "expression": where.expression,
            "function": where.function,
        },
        "op": finding.op,
        "module": finding.module,
        "parameter": finding.parameter,
        "evidence": _plain(finding.evidence),
        "rank": finding.rank,
        "fix": finding.fix,
        "symptoms": [{"code": s.code, "message": s.message} for s in finding.symptoms],
    }


def _plain(value: Any) -> Any:
    """JSON knows no NaN and no infinity: they become null."""
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
