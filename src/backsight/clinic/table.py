"""What a round of the clinic looks like: a table, and what is to be said below it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..pages import Block, Page, Prose, Table
from .treatment import Treatment

HEADS = ("case", "finding", "place", "evidence", "before → after")
LONGEST = 60  # characters of an expression
CIRCUMSTANCES = ("threshold", "first_step", "last_step", "observations", "samples")


def page_of(treatments: Sequence[Treatment], *, told: bool = False) -> Page:
    """Return the page of a round: found, place, evidence, and the figure before and after.

    What is wrong in each case is explained below the table if it is to be `told`.
    """
    rows = tuple(row_of(each) for each in treatments)
    blocks: list[Block] = [Table(rows, HEADS, ("left",) * 4 + ("right",))]
    blocks += remarks(treatments)
    if told:
        explained = dict.fromkeys(each.case.explanation for each in treatments)
        blocks += [Prose(text) for text in explained]
    return Page("The clinic", tuple(blocks))


def row_of(treatment: Treatment) -> tuple[str, ...]:
    """Return one line of the table."""
    finding = treatment.finding
    name = finding_name(treatment)
    place = place_of(finding) if finding else ""
    evidence = evidence_of(finding["evidence"]) if finding else ""
    return (
        f"{treatment.case.name}\nin {treatment.framework}",
        name,
        place,
        evidence,
        f"{treatment.case.figure}\n{before_and_after(treatment)}",
    )


def finding_name(treatment: Treatment) -> str:
    """Return code and rule of what was found; `none` where nothing was."""
    if treatment.sick.failure:
        return "did not run"
    finding = treatment.finding
    if finding is None:
        return "none"
    name = f"{finding['code']}\n{finding['rule']}"
    return name if treatment.expected else f"{name}\n(not expected)"


def place_of(finding: Mapping[str, Any]) -> str:
    """Return file and line, and below them the expression; the parameter if there is no place."""
    where = finding["location"]
    if where is None:
        return str(finding["parameter"] or finding["module"])
    expression = " ".join(str(where["expression"]).split())
    shown = expression if len(expression) <= LONGEST else f"{expression[: LONGEST - 1]}…"
    return f"{where['file']}:{where['line']}\n{shown}".rstrip()


def evidence_of(evidence: Mapping[str, Any]) -> str:
    """Return the measured value against its threshold."""
    measured = [(k, v) for k, v in evidence.items() if k not in CIRCUMSTANCES]
    if not measured:
        return ""
    name, value = measured[0]
    told = f"{name.replace('_', ' ')} {number(value)}"
    return f"{told}\n(limit {number(evidence['threshold'])})" if "threshold" in evidence else told


def number(value: Any) -> str:
    """Return a value in few digits."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def before_and_after(treatment: Treatment) -> str:
    """Return the figure of the sick program and that of the cured one."""
    before, after = (
        "?" if visit.figure is None else f"{visit.figure:.4g}"
        for visit in (treatment.sick, treatment.cured)
    )
    return f"{before}\n→ {after}"


def remarks(treatments: Sequence[Treatment]) -> list[Prose]:
    """Say how many leaks were named, what was found in cured programs, and what did not run."""
    named = sum(each.expected for each in treatments)
    all_named = named == len(treatments)
    said = [
        Prose(
            f"{named} of {len(treatments)} leaks named.", severity="ok" if all_named else "warning"
        )
    ]
    for each in treatments:
        where = f"{each.case.name} ({each.framework})"
        if not each.sick.failure and not each.expected:
            expected = " or ".join(each.case.codes)
            missed = "; ".join(each.sick.diagnosis.get("observed", {}).get("not_observed", ()))
            reason = f" Not observed: {missed}" if missed else ""
            said.append(Prose(f"expected {expected}.{reason}", label=where, severity="warning"))
        for finding in each.cured.findings:
            found = f"the cured program has a finding: {finding['code']} {finding['rule']}"
            place = place_of(finding).replace("\n", " ")
            said.append(Prose(f"{found}, {place}", label=where, severity="warning"))
        said += [Prose(failure, severity="critical") for failure in each.failures]
    return said
