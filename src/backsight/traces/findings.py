"""What a rule claims: `Finding`, with its `Severity`, place, evidence and repair."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .trace import Location


class Severity(enum.IntEnum):
    """How much a finding costs: an info never stops anything, a critical one stops learning."""

    INFO = 1
    WARNING = 2
    CRITICAL = 3

    @property
    def label(self) -> str:
        """The name as people and JSON write it: `warning`."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Symptom:
    """A smaller thing that a finding explains: it is listed under the cause, not beside it."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A claim with its evidence.

    `message` says what and why in one or two sentences, `fix` what to change, in the user's own
    terms. `evidence` holds the measured value, the threshold, the steps and the sample size. `code`
    and `rule` are filled in by the rule. `source` is the text of the source lines at `location`,
    `note` the few words that stand under the marked expression. `distance` is that of the place
    from the loss, in ops, None where it is not known.
    """

    message: str
    severity: Severity = Severity.WARNING
    code: str = ""
    rule: str = ""
    location: Location | None = None
    op: str = ""
    module: str = ""
    parameter: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)
    rank: int | None = None
    fix: str = ""
    symptoms: tuple[Symptom, ...] = ()
    source: str = ""
    note: str = ""
    distance: int | None = None
