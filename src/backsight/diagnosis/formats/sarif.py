"""A diagnosis as SARIF 2.1.0, which code scanners and editors read.

Paragraphs (§) are those of "Static Analysis Results Interchange Format (SARIF) Version 2.1.0",
OASIS Standard, 27 March 2020.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ...traces.findings import Finding, Severity
from ..registry import Rule, all_rules
from .json import plain
from .places import root_of, within

if TYPE_CHECKING:
    from ..diagnosis import Diagnosis

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
LEVELS = {Severity.INFO: "note", Severity.WARNING: "warning", Severity.CRITICAL: "error"}
BASE = "SRCROOT"
"""What relative URIs are relative to (§3.4.4): the root of the repository."""


def as_sarif(diagnosis: Diagnosis) -> dict[str, Any]:
    """Return a diagnosis as the data of a SARIF log with one run (§3.13, §3.14)."""
    root = root_of(diagnosis.folder)
    told = {finding.code for finding in diagnosis.findings} | set(diagnosis.rules)
    rules = [rule for rule in all_rules() if rule.code in told]
    places = {rule.code: number for number, rule in enumerate(rules)}
    run: dict[str, Any] = {
        "tool": {
            "driver": {
                "name": "Backsight",
                **version(),
                "rules": [rule_data(rule) for rule in rules],
            }
        },
        "columnKind": "unicodeCodePoints",
        "invocations": [invocation(diagnosis)],
        "results": [],
        "properties": {"status": diagnosis.status, "observed": plain(diagnosis.observed)},
    }
    if root:
        run["originalUriBaseIds"] = {BASE: {"uri": f"{Path(root).as_uri().rstrip('/')}/"}}
    seen: Counter[str] = Counter()
    for finding in diagnosis.findings:
        identity = fingerprint(finding)
        seen[identity] += 1
        result = result_of(finding, diagnosis, root, f"{identity}:{seen[identity]}")
        if finding.code in places:
            result["ruleIndex"] = places[finding.code]
        run["results"].append(result)
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def version() -> dict[str, str]:
    """Return the version of Backsight (§3.19.12), nothing where it is not installed."""
    try:
        own = metadata.version("backsight")
    except metadata.PackageNotFoundError:
        return {}
    return {"version": own, "semanticVersion": own}


def rule_data(rule: Rule) -> dict[str, Any]:
    """Return a rule as a reporting descriptor (§3.49)."""
    return {
        "id": rule.code,
        "name": rule.name,
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": rule.meaning},
        "help": {"text": rule.__doc__ or rule.summary},
        "properties": {"tags": ["backpropagation"]},
    }


def invocation(diagnosis: Diagnosis) -> dict[str, Any]:
    """Return how the run went (§3.20), with a notification (§3.58) of what was not observed."""
    notes = [
        {"level": "note", "message": {"text": f"Not observed: {what}"}}
        for what in diagnosis.observed.get("not_observed", ())
    ]
    if diagnosis.failure:
        text = f"Watching broke off: {diagnosis.failure}"
        notes.append({"level": "error", "message": {"text": text}})
    data: dict[str, Any] = {
        "executionSuccessful": diagnosis.status != "watching-failed",
        "toolExecutionNotifications": notes,
    }
    if diagnosis.script_exit_code is not None:
        data["exitCode"] = diagnosis.script_exit_code
    return data


def result_of(finding: Finding, diagnosis: Diagnosis, root: str, identity: str) -> dict[str, Any]:
    """Return a finding as a result (§3.27)."""
    parts = [finding.message, f"Fix: {finding.fix}" if finding.fix else ""]
    parts += [f"Also {symptom.code}: {symptom.message}" for symptom in finding.symptoms]
    return {
        "ruleId": finding.code,
        "level": LEVELS[finding.severity],
        "message": {"text": "\n".join(part for part in parts if part)},
        "locations": locations(finding, diagnosis, root),
        "partialFingerprints": {"backsight/v1": identity},
        "properties": {
            "op": finding.op,
            "module": finding.module,
            "parameter": finding.parameter,
            "rank": finding.rank,
            "evidence": plain(finding.evidence),
        },
    }


def locations(finding: Finding, diagnosis: Diagnosis, root: str) -> list[dict[str, Any]]:
    """Return the place of a finding (§3.28); without one the script as a whole stands for it."""
    where = finding.location
    logical = [
        {"fullyQualifiedName": name, "kind": kind}
        for kind, name in (("module", finding.module), ("variable", finding.parameter))
        if name
    ]
    if where is not None and where.function not in ("", "<module>"):
        logical.append({"fullyQualifiedName": where.function, "kind": "function"})
    physical: dict[str, Any] = {}
    if where is not None:
        physical = {
            "artifactLocation": artifact(where.file, diagnosis.folder, root),
            "region": {  # §3.30: columns count from 1, the last is one past the end
                "startLine": where.line,
                "startColumn": where.column,
                "endLine": where.end_line,
                "endColumn": where.end_column,
                "snippet": {"text": where.expression},
            },
        }
    elif diagnosis.script.endswith(".py"):
        physical = {
            "artifactLocation": artifact(diagnosis.script, diagnosis.folder, root),
            "region": {"startLine": 1},  # GitHub shows no result without a line
        }
    found: dict[str, Any] = {"physicalLocation": physical} if physical else {}
    if logical:
        found["logicalLocations"] = logical
    return [found] if found else []


def artifact(file: str, folder: str, root: str) -> Mapping[str, str]:
    """Return a file as an artifact location (§3.4): relative to the root where it lies below it."""
    path, below = within(file, folder, root)
    if below:
        return {"uri": quote(path)} | ({"uriBaseId": BASE} if root else {})
    return {"uri": Path(path).as_uri()}


def fingerprint(finding: Finding) -> str:
    """Return what stays the same when lines are added above a finding (§3.27.17)."""
    where = finding.location
    place = (where.file, where.function, " ".join(where.expression.split())) if where else ()
    parts = (finding.code, *place, finding.op, finding.module, finding.parameter)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
