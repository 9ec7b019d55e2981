"""Every rule is documented, and its two programs do what its docstring says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import backsight as bs
from backsight.diagnosis import Rule, all_rules, diagnose
from backsight.diagnosis.observations import holds
from backsight.traces.recording import Recording, load_recording
from backsight.watching import watch

RULES = all_rules()


def watched(program: str, folder: Path) -> Recording:
    """Run a program of a docstring under watch; from a file, so that its lines can be named."""
    if "import torch" in program:
        pytest.importorskip("torch")
    file = folder / "program.py"
    file.write_text(program)
    names = {"np": np, "bs": bs, "rng": np.random.default_rng(0)}
    with watch(folder / "run.bsr", every_step=True), np.errstate(all="ignore"):
        exec(compile(program, str(file), "exec"), names)
    return load_recording(folder / "run.bsr")


def fed(rule: Rule, recording: Recording) -> Recording:
    """Return the recording if it holds what the rule reads, else skip the test."""
    if not rule.applies_to(recording):
        pytest.skip(f"nothing of {', '.join(rule.reads)} is recorded of the engine")
    return recording


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_fires_where_its_docstring_says(rule: Rule, tmp_path: Path) -> None:
    program = rule.example("Fires on")
    recording = fed(rule, watched(program, tmp_path))
    findings = rule(recording) if rule.supports else diagnose(recording).findings
    assert [finding.code for finding in findings] == [rule.code] * max(1, len(rule(recording)))
    place = findings[0].location
    if place is None:  # the place of the run as a whole is its loss, if that is recorded
        assert not holds(recording, "loss")
    else:
        assert place.expression in program


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_silent_where_its_docstring_says(rule: Rule, tmp_path: Path) -> None:
    recording = watched(rule.example("Silent on"), tmp_path)
    assert diagnose(recording).status == "clean"
    assert rule(recording) == ()


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
