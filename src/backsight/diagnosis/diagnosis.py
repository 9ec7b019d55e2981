"""What a recording says: `diagnose` and its result, `Diagnosis`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any, NamedTuple

from ..errors import UsageError
from ..pages import Page, write_text
from ..traces.findings import Finding, Severity
from ..traces.recording import Recording, load_recording, writer_of
from ..traces.recording_merge import merged, rank_of
from .causes import in_order
from .formats import as_github, as_json, as_sarif
from .formats.json import dumped
from .observations import IN_A_ROW
from .page import page_of
from .registry import Rule, all_rules, broken_rules, find_rule
from .settings import Settings, is_ignored, settings_near

STATUSES = ("clean", "findings", "not-observed", "watching-failed")
FORMATS = ("text", "json", "sarif", "github")
SUFFIXES = {".json": "json", ".sarif": "sarif"}


@dataclass(frozen=True, eq=False, slots=True)
class Diagnosis:
    """The verdict on one run: `status`, what was `observed`, and the `findings`, worst first.

    `status` is `clean` only if something was observed and no rule fired; `not-observed` if nothing
    could be seen, `watching-failed` if Backsight's own watching broke off. `script_exit_code` is
    None while the script runs (`running`), or if it was killed. Files of findings are relative to
    `folder`, in which the script was started, where they lie below it.
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
    folder: str = ""
    running: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON data, version 1."""
        return as_json(self)

    def to_sarif(self) -> dict[str, Any]:
        """Return it as the data of a SARIF 2.1.0 log."""
        return as_sarif(self)

    def page(self, *, with_scope: bool = True) -> Page:
        """Return it as a page: verdict, findings and, unless told otherwise, what was seen."""
        return page_of(self, with_scope=with_scope)

    def save(self, path: str | Path) -> None:
        """Write it to a file: `.json`, `.sarif`, or what a page can be saved as.

        Raises UsageError for a suffix that no painter knows.
        """
        path = Path(path)
        format = SUFFIXES.get(path.suffix.lower())
        if format is None:
            self.page().save(path)
        else:
            write_text(path, self.to_text(format))

    def to_text(self, format: str = "text") -> str:
        """Return it in one of the `FORMATS`."""
        match format:
            case "json":
                return dumped(self.to_json())
            case "sarif":
                return dumped(self.to_sarif())
            case "github":
                return as_github(self)
        return str(self.page())


def diagnose(
    recording: Recording | str | Path | Sequence[str | Path], **thresholds: Mapping[str, Any]
) -> Diagnosis:
    """Apply every rule to a recording, given itself, as a file, or as the files of one run.

    Thresholds are given by rule: `diagnose(run, BS301={"warning": 0.3})`. A finding is left out
    where its source says `# backsight: ignore[BS301]`. What the nearest pyproject.toml of the
    script says in `[tool.backsight]` holds, too.

    Raises FileFormatError for a file that is no recording, UsageError for unknown rules or
    thresholds, and for recordings of different programs.
    """
    recording = opened(recording)
    judgement = judged(recording, thresholds)
    found = in_order(raised(judgement.found, judgement.supporting), judgement.supporting)
    failure = recording.event("failure")
    ended, exit_code = _end(recording)
    return Diagnosis(
        _status(recording, found),
        recording.meta.get("script", ""),
        exit_code,
        {
            "steps": recording.meta.get("steps", 0),
            "probed": recording.meta.get("probed", 0),
            "overhead": round(recording.meta.get("overhead", 0.0), 4),
            "not_observed": [*_not_observed(recording), *judgement.broken],
        },
        tuple(found),
        str(failure.detail) if failure else "",
        ended,
        recording.meta.get("seconds", 0.0),
        judgement.ignored,
        judgement.rules,
        str(recording.meta.get("folder", "")),
        not ended and any(writer_of(Path(path)) is not None for path in _files(recording)),
    )


class Judgement(NamedTuple):
    """What the rules say, before causes and symptoms are told apart.

    `ignored` counts by code what comments and settings silence, `broken` says which rules of other
    packages failed, `rules` are the codes of those that were applied.
    """

    found: list[Finding]
    supporting: list[Finding]
    ignored: dict[str, int]
    broken: list[str]
    rules: tuple[str, ...]


def judged(recording: Recording, thresholds: Mapping[str, Mapping[str, Any]]) -> Judgement:
    """Apply the rules that the settings of the script select, with their thresholds and these."""
    settings = _settings_of(recording)
    chosen = {**settings.thresholds}
    for code, values in _by_code(thresholds).items():
        chosen[code] = {**chosen.get(code, {}), **values}
    applied = [
        rule for rule in all_rules() if settings.selects(rule) and rule.applies_to(recording)
    ]
    codes = tuple(rule.code for rule in applied)
    judgement = Judgement([], [], {}, list(broken_rules()), codes)
    for rule in applied:
        kept = judgement.supporting if rule.supports else judgement.found
        for finding in _found(rule, recording, chosen.get(rule.code, {}), judgement.broken):
            named = _named(finding, recording)
            if is_ignored(finding) or settings.ignores(named):
                judgement.ignored[rule.code] = judgement.ignored.get(rule.code, 0) + 1
            else:
                kept.append(named)
    return judgement


def certain_in(recording: Recording) -> list[Finding]:
    """Return the causes that are critical by themselves, not only as the run learns nothing yet."""
    judgement = judged(recording, {})
    causes = in_order(judgement.found, judgement.supporting)
    return [finding for finding in causes if finding.severity is Severity.CRITICAL]


def opened(recording: Recording | str | Path | Sequence[str | Path]) -> Recording:
    """Return a recording: itself, read from its file, or merged from several files of one run."""
    if isinstance(recording, Recording):
        return recording
    paths = [recording] if isinstance(recording, str | Path) else recording
    unique = {Path(path).resolve(): path for path in paths}
    return merged([load_recording(path) for path in unique.values()])


def _found(
    rule: Rule, recording: Recording, thresholds: Mapping[str, Any], broken: list[str]
) -> tuple[Finding, ...]:
    """Apply a rule; one of somebody else's that fails is told, and costs nothing else."""
    try:
        return rule(recording, **thresholds)
    except Exception as error:
        if rule.ours:
            raise
        broken.append(f"{rule.code} {rule.name}: the rule failed ({type(error).__name__}: {error})")
        return ()


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
    steps, probed = recording.meta.get("steps", 0), recording.meta.get("probed", 0)
    if probed < min(steps, IN_A_ROW):
        missed.append(
            f"enough: {probed} of {steps:,} steps, while most rules need {IN_A_ROW} in a row to "
            "judge; the budget was used up, see --budget and --every-step"
        )
    if not recording.meta.get("steps", 0):
        missed.insert(
            0,
            "any backward pass: loss.backward() was never called, of PyTorch or Backsight's engine",
        )
    return list(dict.fromkeys(missed))


def _files(recording: Recording) -> Sequence[str | Path]:
    files: Sequence[str | Path] = recording.meta.get("merged", (recording.path,))
    return files


def _end(recording: Recording) -> tuple[bool, int | None]:
    """Tell whether every process has ended, and with which code: 0 if all of them ended so."""
    codes = [event.detail for event in recording.events_of("exit")]
    if len(codes) < len(_files(recording)):
        return False, None
    return True, next((code for code in codes if code), codes[0])


def _named(finding: Finding, recording: Recording) -> Finding:
    """Name the file as the user does, from the folder of the start, and the rank if it is one's."""
    if finding.rank is None:
        finding = dataclasses.replace(finding, rank=rank_of(recording, finding.location))
    where, folder = finding.location, recording.meta.get("folder", "")
    if where is None or not folder:
        return finding
    try:
        file = str(PurePath(where.file).relative_to(folder))
    except ValueError:
        return finding
    return dataclasses.replace(finding, location=dataclasses.replace(where, file=file))
