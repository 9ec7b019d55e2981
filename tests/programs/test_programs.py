"""Programs as users write them: the faulty ones are diagnosed, the healthy ones left in peace.

A faulty program says by `# leak: BSxxx` which rule must fire, and on which line (any of those so
marked). What has no rule yet, or is not handed over yet by the adapter of that framework, is
skipped: the list tightens by itself.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

import pytest

from .listing import Program, programs, run_apart, run_here, supported, watched_frameworks

HEALTHY, FAULTY = programs("healthy"), programs("faulty")

ALARMS: dict[str, set[str]] = {
    # It has converged to the last bit, long before its last step.
    "backsight_huber_outliers": {"BS507"},
}
"""False alarms that are known; the long proof does not excuse them."""


@pytest.fixture
def here(request: pytest.FixtureRequest) -> Program:
    """A program that can be run in this process."""
    program: Program = request.param
    if program.framework == "torch":
        torch = pytest.importorskip("torch")
        torch.set_num_threads(1)
    return program


def each(found: list[Program]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("here", found, ids=lambda p: p.name, indirect=True)


def test_there_are_programs_enough() -> None:
    assert len(HEALTHY) >= 30
    assert len(FAULTY) >= 30
    for found in (HEALTHY, FAULTY):
        assert {program.framework for program in found} == {"backsight", "torch"}


@pytest.mark.parametrize("program", HEALTHY + FAULTY, ids=lambda p: p.name)
def test_each_says_what_it_does_and_what_leaks(program: Program) -> None:
    docstring = ast.get_docstring(ast.parse(program.path.read_text(encoding="utf-8")))
    assert docstring
    assert docstring.endswith(".")
    assert len({code for code, _ in program.leaks}) == (program in FAULTY)


@each(HEALTHY)
def test_healthy_program_has_no_finding(here: Program) -> None:
    diagnosis = run_here(here)
    assert not diagnosis.failure
    if here.framework not in watched_frameworks():
        pytest.skip(f"programs in {here.framework} are not watched yet")
    assert diagnosis.status in ("clean", "findings")  # and not "nothing was observed"
    excused = ALARMS.get(here.path.stem, set())
    alarms = [f"{f.code}: {f.message}" for f in diagnosis.findings if f.code not in excused]
    assert not alarms


@each(FAULTY)
def test_faulty_program_is_diagnosed(here: Program) -> None:
    diagnosis = run_here(here)
    assert not diagnosis.failure
    if (here.framework, here.code) not in supported():
        pytest.skip(f"there is no rule {here.code} for {here.framework} yet")
    if here.code not in diagnosis.rules:
        pytest.skip(f"what {here.code} reads is not recorded from {here.framework} yet")
    found = [finding for finding in diagnosis.findings if finding.code == here.code]
    assert found, f"expected {here.code}, got {[f.code for f in diagnosis.findings]}"
    places = {f.location.line for f in found if f.location is not None}
    assert not places or places & here.lines


@pytest.mark.prove
@pytest.mark.parametrize("program", HEALTHY, ids=lambda p: p.name)
def test_healthy_program_has_no_finding_over_seeds(
    program: Program, tmp_path: Path, record_proof: Callable[[str], None]
) -> None:
    if program.framework == "torch":
        pytest.importorskip("torch")
    alarms = []
    for seed in range(5):
        found = run_apart(program, tmp_path, seed)["findings"]
        alarms += [f"seed {seed}: {each['code']}: {each['message']}" for each in found]
    record_proof(f"{program.name}: {len(alarms)} findings over 5 seeds")
    assert not alarms


@pytest.mark.prove
@pytest.mark.parametrize("program", FAULTY, ids=lambda p: p.name)
def test_faulty_program_is_diagnosed_by_the_command(program: Program, tmp_path: Path) -> None:
    if program.framework == "torch":
        pytest.importorskip("torch")
    if (program.framework, program.code) not in supported():
        pytest.skip(f"there is no rule {program.code} for {program.framework} yet")
    found = [f for f in run_apart(program, tmp_path)["findings"] if f["code"] == program.code]
    assert found
    assert {f["location"] and f["location"]["line"] for f in found} & program.lines
