"""What a round of the clinic looks like: a table, and what is to be said below it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..diagnosis.page import number
from ..pages import Block, Page, Prose, Table
from ..pages.cells import crop
from .treatment import Treatment

HEADS = ("case", "what leaks, where, on what evidence", "before → after")
LONGEST = 33  # cells of an expression: a row then fits 80, whatever the case and its figures
CIRCUMSTANCES = ("threshold", "first_step", "last_step", "observations", "samples")


def page_of(treatments: Sequence[Treatment], *, told: bool = False) -> Page:
    """Return the page of a round: found, place, evidence, and the figure before and after.

    What is wrong in each case is explained below the table if it is to be `told`.
    """
    *above, last = (row_of(each) for each in treatments)
    rows = (*(tuple(f"{cell}\n" for cell in row) for row in above), last)  # an empty line between
    blocks: list[Block] = [Table(rows, HEADS, ("left", "left", "right"))]
    blocks += remarks(treatments)
    if told:
        explained = dict.fromkeys(each.case.explanation for each in treatments)
        blocks += [Prose(text) for text in explained]
    return Page("The clinic", tuple(blocks))


def row_of(treatment: Treatment) -> tuple[str, ...]:
    """Return one row of the table, of up to three lines."""
    finding = treatment.finding
    lines = [finding_name(treatment)]
    if finding is not None:
        lines += [line for line in (place_of(finding), evidence_of(finding["evidence"])) if line]
    return (
        f"{treatment.case.name}\nin {treatment.framework}",
        "\n".join(lines),
        f"{treatment.case.figure}\n{before_and_after(treatment)}",
    )


def finding_name(treatment: Treatment) -> str:
    """Return code and rule of what was found; `none` where nothing was."""
    if treatment.sick.failure:
        return "did not run"
    finding = treatment.finding
    if finding is None:
        return "none"
    name = f"{finding['code']} {finding['rule']}"
    return name if treatment.expected else f"{name} (not expected)"


def place_of(finding: Mapping[str, Any]) -> str:
    """Return the line with its expression; the parameter if there is no place."""
    where = finding["location"]
    if where is None:
        return str(finding["parameter"] or finding["module"])
    expression = crop(" ".join(str(where["expression"]).split()), LONGEST)
    return f"{where['line']} │ {expression}"


def evidence_of(figures: Mapping[str, Any]) -> str:
    """Return the measured value against its threshold."""
    measured = [name for name in figures if name not in CIRCUMSTANCES]
    if not measured:
        return ""
    name = measured[0]
    share = name.endswith("share")
    told = f"{name.replace('_', ' ')} {number(figures[name], share=share)}"
    if "threshold" not in figures:
        return told
    return f"{told} (limit {number(figures['threshold'], share=share)})"


def before_and_after(treatment: Treatment) -> str:
    """Return the figure of the sick program and that of the cured one."""
    before, after = (
        "?" if visit.figure is None else f"{visit.figure:.4g}"
        for visit in (treatment.sick, treatment.cured)
    )
    return f"{before} → {after}"


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
            place = place_of(finding).replace(" │", ":")
            said.append(Prose(f"{found}, {place}", label=where, severity="warning"))
        said += [Prose(failure, severity="critical") for failure in each.failures]
    return said
