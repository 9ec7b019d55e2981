"""The cases of the clinic: complete, short, told by no figure that was not measured."""

from __future__ import annotations

import ast
import re

import pytest

from backsight.clinic import FRAMEWORKS, Case, all_cases, find_case
from backsight.errors import UsageError

CASES = all_cases()
EXPECTED = [
    "sigmoid-large-init",
    "sigmoid-raw-pixels",
    "dead-relu",
    "vanishing-depth",
    "rnn-exploding",
    "rnn-vanishing",
    "lstm-carries",
    "dqn",
    "raw-sigmoid-overflow",
]
every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def test_the_leaks_that_are_told_are_all_there() -> None:
    assert [case.name for case in CASES] == EXPECTED


@every_case
def test_a_case_is_complete(case: Case) -> None:
    assert case.figure in ("loss", "return")
    assert case.codes
    assert all(re.fullmatch(r"BS\d{3}", code) for code in case.codes)
    for text in (case.title, case.seed, case.explanation):
        assert text
    assert case.seed.endswith(".")
    assert case.explanation.endswith(".")


@every_case
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_programs_are_short_and_carry_no_marks_of_ours(case: Case, framework: str) -> None:
    for state in ("sick", "cured"):
        source = case.program(state, framework)
        tree = ast.parse(source)
        assert ast.get_docstring(tree)
        assert len(source.splitlines()) <= 90
        assert "mypy" not in source
        assert "noqa" not in source
        assert source.rstrip().splitlines()[-1].lstrip().startswith(f'print(f"{case.figure} ')
        other = {"backsight": "torch", "torch": "backsight"}[framework]
        assert f"import {other}" not in source


@every_case
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_cure_changes_few_lines(case: Case, framework: str) -> None:
    sick, cured = (case.program(s, framework).splitlines() for s in ("sick", "cured"))
    assert 1 <= len(set(sick) - set(cured)) <= 8


def test_a_case_is_found_by_name_and_an_unknown_one_refused() -> None:
    assert find_case("Dead_ReLU").name == "dead-relu"
    with pytest.raises(UsageError, match="the clinic has no case 'flu'; it has sigmoid-large-init"):
        find_case("flu")
