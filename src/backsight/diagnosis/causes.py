"""Cause before symptom: what a finding explains is listed under it, not beside it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from ..traces.findings import Finding, Severity, Symptom

# fmt: off
EXPLAINS: dict[str, tuple[str, ...]] = {
    # Not a number: from then on nothing else means anything.
    "BS401": ("BS106",),
    # The wiring: where no gradient arrives, or a wrong one, the rest follows.
    "BS305": ("BS304", "BS306", "BS507"),
    "BS303": ("BS304", "BS306", "BS101", "BS507"),
    "BS308": ("BS503", "BS507"),
    "BS309": ("BS204", "BS205", "BS304", "BS507", "BS201", "BS203"),
    "BS307": ("BS101", "BS204", "BS205", "BS503", "BS507"),
    "BS301": ("BS508", "BS101", "BS103", "BS104", "BS304", "BS306", "BS507"),
    "BS207": ("BS101", "BS102", "BS201", "BS202", "BS206", "BS304", "BS507"),
    # The data and the beginning.
    "BS508": ("BS106", "BS203", "BS201", "BS202", "BS204", "BS205", "BS206", "BS503", "BS506"),
    "BS206": ("BS101", "BS102", "BS205", "BS503", "BS507"),
    "BS205": ("BS101", "BS204", "BS503", "BS104", "BS507"),
    "BS503": (),
    # The optimiser.
    "BS502": ("BS506", "BS203", "BS106"),
    "BS506": ("BS401", "BS106", "BS201", "BS202", "BS203", "BS204", "BS304"),
    "BS203": ("BS106", "BS201", "BS202", "BS304", "BS101"),
    "BS201": ("BS101", "BS202", "BS304", "BS507"),
    "BS302": ("BS101", "BS304"),
    "BS204": ("BS101", "BS304"),
    "BS103": ("BS102", "BS106", "BS503", "BS506"),
    "BS104": ("BS101",),
    "BS102": ("BS106", "BS503", "BS506"),
    "BS402": ("BS101", "BS304", "BS507"),
    "BS306": ("BS304",),
    "BS101": ("BS507",),
    "BS505": ("BS507",),
    "BS509": (),
}
"""Which findings a finding may explain."""

SUPPORTED: dict[str, tuple[str, ...]] = {
    "BS105": ("BS103", "BS104"),
    "BS501": ("BS203", "BS506", "BS507", "BS304", "BS505", "BS106", "BS102"),
    "BS504": tuple(EXPLAINS),
}
"""Which findings a supporting one is listed under."""

SAME_PLACE = {("BS205", "BS204"), ("BS203", "BS201"), ("BS203", "BS202"), ("BS201", "BS202")}
"""Pairs that are one story only where both are about the same expression."""

SAME_PARAMETERS = {
    (cause, symptom) for cause in ("BS303", "BS305") for symptom in ("BS304", "BS306")
}
"""Pairs that are one story only where the cause names a parameter of the symptom."""
# fmt: on


def in_order(found: Sequence[Finding], supporting: Sequence[Finding] = ()) -> list[Finding]:
    """Return the causes with their symptoms, worst first, then nearest to the loss.

    A cause is as severe as the worst that it explains. What `supporting` rules found goes under
    every finding that it supports, and is dropped where there is none.
    """
    causes: list[Finding] = []
    under: dict[int, list[Finding]] = {}
    for finding in found:
        cause = cause_of(finding, found)
        if cause is None:
            causes.append(finding)
        else:
            under.setdefault(id(cause), []).append(finding)
    told = []
    for finding in causes:
        below = list(under.get(id(finding), ()))
        codes = {finding.code, *(each.code for each in below)}
        helping = [each for each in supporting if codes & set(SUPPORTED.get(each.code, ()))]
        severity = max((each.severity for each in below), default=finding.severity)
        told.append(
            dataclasses.replace(
                finding,
                severity=max(severity, finding.severity),
                symptoms=symptoms_of([*below, *helping]),
            )
        )
    return sorted(told, key=_rank)


def symptoms_of(below: Sequence[Finding]) -> tuple[Symptom, ...]:
    """Return one symptom for each code; of several findings of one code the worst speaks."""
    found = []
    for code in dict.fromkeys(finding.code for finding in below):
        same = sorted((each for each in below if each.code == code), key=_rank)
        more = f" (and {len(same) - 1} more)" if len(same) > 1 else ""
        found.append(Symptom(code, same[0].message + more))
    return tuple(found)


def cause_of(finding: Finding, found: Sequence[Finding]) -> Finding | None:
    """Return the finding at the root of this one, None if it is a root itself."""
    root, seen = finding, {finding.code}
    while True:
        above = [other for other in found if other.code not in seen and explains(other, root)]
        if not above:
            return root if root is not finding else None
        sure = [other for other in above if (other.code, root.code) in SAME_PARAMETERS]
        root = min(sure or above, key=_rank)
        seen.add(root.code)


def explains(cause: Finding, symptom: Finding) -> bool:
    """Tell whether one finding explains the other."""
    if symptom.code not in EXPLAINS.get(cause.code, ()) or cause.severity is Severity.INFO:
        return False
    pair = cause.code, symptom.code
    own = symptom.evidence.get("parameters") or [symptom.parameter]
    if pair in SAME_PARAMETERS:
        return not set(own).isdisjoint(cause.evidence.get("parameters", ()))
    if pair == ("BS306", "BS304"):  # the optimiser holds what was replaced, not its successor
        return not set(own).isdisjoint(cause.evidence.get("replaced", ()))
    return pair not in SAME_PLACE or cause.location == symptom.location


def _rank(finding: Finding) -> tuple[int, float, str]:
    distance = finding.distance if finding.distance is not None else float("inf")
    return -finding.severity, distance, finding.code
