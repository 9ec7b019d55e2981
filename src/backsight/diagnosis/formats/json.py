"""A diagnosis as JSON data, version 1: stable, and free of NaN and infinity."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...traces.findings import Finding

if TYPE_CHECKING:
    from ..diagnosis import Diagnosis


def as_json(diagnosis: Diagnosis) -> dict[str, Any]:
    """Return a diagnosis as JSON data."""
    return {
        "version": 1,
        "status": diagnosis.status,
        "script_exit_code": diagnosis.script_exit_code,
        "observed": plain(diagnosis.observed),
        "findings": [finding_data(finding) for finding in diagnosis.findings],
    }


def finding_data(finding: Finding) -> dict[str, Any]:
    """Return one finding as JSON data."""
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
        "evidence": plain(finding.evidence),
        "rank": finding.rank,
        "fix": finding.fix,
        "symptoms": [{"code": s.code, "message": s.message} for s in finding.symptoms],
    }


def plain(value: Any) -> Any:
    """Return a value as JSON can hold it: it knows no NaN and no infinity, they become null."""
    if isinstance(value, Mapping):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def dumped(data: Any) -> str:
    """Return JSON data as text that people can read, too."""
    return json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
