"""Running a case: figures measured, findings as they are, failures told."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from backsight.clinic import Case, Treatment, all_cases, find_case, page_of, treat
from backsight.clinic.treatment import Visit, figure_in
from backsight.diagnosis import all_rules
from backsight.errors import UsageError
from backsight.pages import to_text


def finding(code: str, **evidence: float) -> dict[str, object]:
    place = {"file": "sick_torch.py", "line": 7, "expression": "clamp(\n  x)"}
    return {
        "code": code,
        "rule": "a-rule",
        "location": place,
        "evidence": {**evidence, "threshold": 0.5, "last_step": 3},
    }


def visit(*findings: dict[str, object], figure: float | None = 0.5, failure: str = "") -> Visit:
    return Visit(figure, {"findings": list(findings)}, 1.0, failure)


@pytest.mark.parametrize(
    ("printed", "figure"),
    [("epoch 1\nloss 0.25\n", 0.25), ("loss nan\n", "nan"), ("loss\n", None), ("", None)],
)
def test_the_figure_is_that_of_the_last_line(printed: str, figure: object) -> None:
    found = figure_in(printed, "loss")
    assert found == figure if figure != "nan" else found != found


def test_the_finding_that_names_the_leak_comes_first() -> None:
    sick = visit(finding("BS507"), finding("BS301", blocked_share=0.9))
    treatment = Treatment(find_case("dqn"), "torch", sick, visit())
    assert treatment.expected
    assert treatment.finding is not None
    assert treatment.finding["code"] == "BS301"
    text = str(page_of([treatment]))
    for part in (
        "BS301 a-rule",
        "7 │ clamp( x)",
        "blocked share 90% (limit 50%)",
        "0.5 → 0.5",
        "1 of 1 leaks named",
    ):
        assert part in text


def test_no_word_of_the_table_is_broken_at_80_columns() -> None:
    longest = max((case.name for case in all_cases()), key=len)
    rule = max((rule.name for rule in all_rules()), key=len)
    found = finding("BS301", blocked_share=0.9) | {"rule": rule}
    found["location"] = {"file": "x", "line": 123, "expression": "torch.clamp(x)" * 9}
    case = dataclasses.replace(find_case(longest), codes=("BS301",))
    sick, cured = visit(found, figure=-1234.5678), visit(figure=9.8764e-12)
    text = to_text(page_of([Treatment(case, "backsight", sick, cured)]), 80)
    for part in (longest, f"BS301 {rule}", "blocked share 90% (limit 50%)", "-1235 → 9.876e-12"):
        assert part in text
    assert max(map(len, text.splitlines())) <= 80


def test_nothing_found_is_called_none_and_another_finding_what_it_is() -> None:
    case = find_case("dqn")
    nothing = Treatment(case, "torch", visit(), visit())
    other = Treatment(case, "backsight", visit(finding("BS507")), visit(finding("BS106")))
    text = " ".join(str(page_of([nothing, other])).split())
    assert "none" in text
    assert "0 of 2 leaks named" in text
    assert "dqn (torch): expected BS301." in text
    assert "the cured program has a finding: BS106 a-rule" in text


def test_a_program_that_fails_is_told(tmp_path: Path) -> None:
    case = broken(tmp_path, "raise SystemExit('no data')\n")
    treatment = treat(case, "backsight", tmp_path / "work")
    assert treatment.failures[0].startswith("dqn/sick_backsight.py: ended with exit code 1: ")
    assert len(treatment.failures) == 2
    assert "did not run" in str(page_of([treatment]))


def test_a_program_without_a_figure_is_told(tmp_path: Path) -> None:
    treatment = treat(broken(tmp_path, "print('done')\n"), "backsight", tmp_path / "work")
    assert treatment.failures[0] == "dqn/sick_backsight.py: printed no return in its last line"


def broken(folder: Path, source: str) -> Case:
    for state in ("sick", "cured"):
        (folder / f"{state}_backsight.py").write_text(source)
    return dataclasses.replace(find_case("dqn"), folder=folder)


def test_a_program_that_the_user_changed_is_not_overwritten(tmp_path: Path) -> None:
    script = tmp_path / "dqn" / "sick_backsight.py"
    script.parent.mkdir()
    script.write_text("mine = 1\n")
    with pytest.raises(UsageError, match="was changed and would be overwritten"):
        treat(find_case("dqn"), "backsight", tmp_path)
    assert script.read_text() == "mine = 1\n"


def learns(treatment: Treatment) -> bool:
    """Tell whether the cured program is far better than the sick one."""
    sick, cured = treatment.sick.figure, treatment.cured.figure
    assert sick is not None
    assert cured is not None
    if treatment.case.figure == "return":
        return cured > 1.5 * sick
    return not sick < 1.4 * cured  # a NaN is worse than any number


@pytest.mark.parametrize("name", ["sigmoid-large-init", "vanishing-depth", "raw-sigmoid-overflow"])
def test_sick_is_sick_and_cured_learns(name: str, tmp_path: Path) -> None:
    treatment = treat(find_case(name), "backsight", tmp_path)
    assert not treatment.failures
    assert learns(treatment)


@pytest.mark.prove
@pytest.mark.parametrize("framework", ["backsight", "torch"])
@pytest.mark.parametrize("case", all_cases(), ids=lambda case: case.name)
def test_every_leak_is_named_and_its_cure_is_clean(
    case: Case, framework: str, tmp_path: Path
) -> None:
    if framework == "torch":
        pytest.importorskip("torch")
    treatment = treat(case, framework, tmp_path)
    assert not treatment.failures
    assert learns(treatment)
    assert treatment.expected
    assert not treatment.cured.findings
