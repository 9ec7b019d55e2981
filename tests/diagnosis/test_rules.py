"""Every rule is documented, and its two programs do what its docstring says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import backsight as bs
from backsight.diagnosis import Diagnosis, Rule, all_rules
from backsight.watching import watch

RULES = all_rules()


def diagnosis_of(program: str, folder: Path) -> Diagnosis:
    """Run a program of a docstring under watch; from a file, so that its lines can be named."""
    file = folder / "program.py"
    file.write_text(program)
    names = {"np": np, "bs": bs, "rng": np.random.default_rng(0)}
    with watch(every_step=True) as watched:
        exec(compile(program, str(file), "exec"), names)
    return watched.diagnosis


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_fires_where_its_docstring_says(rule: Rule, tmp_path: Path) -> None:
    diagnosis = diagnosis_of(rule.example("Fires on"), tmp_path)
    assert [finding.code for finding in diagnosis.findings] == [rule.code]
    assert diagnosis.findings[0].location is not None
    assert diagnosis.findings[0].location.expression in rule.example("Fires on")


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_silent_where_its_docstring_says(rule: Rule, tmp_path: Path) -> None:
    diagnosis = diagnosis_of(rule.example("Silent on"), tmp_path)
    assert diagnosis.status == "clean"


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_is_documented(rule: Rule) -> None:
    text = rule.__doc__ or ""
    places = [text.find(part) for part in ("Fires on::", "Silent on::", "What helps:", "Source:")]
    assert -1 not in places
    assert places == sorted(places)
    assert rule.summary.endswith(".")
    assert rule.thresholds
    assert rule.check.__module__.rpartition(".")[2] == rule.name.replace("-", "_")


def test_codes_and_names_are_unique() -> None:
    assert len({rule.code for rule in RULES}) == len({rule.name for rule in RULES}) == len(RULES)
