"""The held-out list of `benchmarks/detection`: in good order; the healthy ones over seeds.

What is measured on it is in that folder's README. Here it is held to its own rules, and `make
prove` runs its healthy programs as users would, over five seeds.
"""

from __future__ import annotations

import ast
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from .listing import Program, run_apart

FOLDER = Path(__file__).parents[2] / "benchmarks" / "detection" / "programs"
MARK = re.compile(r"# leak: BS\d{3}( or BS\d{3})*$", re.MULTILINE)
SEEDS = 5


def held_out(kind: str) -> list[Path]:
    return sorted(path for path in (FOLDER / kind).glob("*.py") if path.name[0] != "_")


def test_there_are_programs_enough() -> None:
    for kind in ("healthy", "faulty"):
        engine = [path for path in held_out(kind) if path.name.startswith("engine_")]
        assert len(held_out(kind)) - len(engine) >= 40
        assert len(engine) >= 8


@pytest.mark.parametrize("path", held_out("healthy"), ids=lambda path: path.stem)
def test_healthy_program_asserts_that_it_learns(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "# leak:" not in text
    assert any(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(text)))


@pytest.mark.parametrize("path", held_out("faulty"), ids=lambda path: path.stem)
def test_faulty_program_is_marked(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert ast.parse(text)
    assert text.count("# leak:") == len(MARK.findall(text)) > 0


@pytest.mark.prove
@pytest.mark.parametrize("path", held_out("healthy"), ids=lambda path: path.stem)
def test_healthy_program_has_no_finding_over_seeds(
    path: Path, tmp_path: Path, record_proof: Callable[[str], None]
) -> None:
    if "import torch" in path.read_text(encoding="utf-8"):
        pytest.importorskip("torch")
    for helper in path.parent.glob("_*.py"):
        shutil.copy(helper, tmp_path)
    alarms, unlearned = [], 0
    for seed in range(SEEDS):
        try:
            found = run_apart(Program(path, ()), tmp_path, seed)["findings"]
        except AssertionError as failed:
            if "AssertionError" not in str(failed):
                raise
            unlearned += 1  # with this seed it does not learn enough: it is not healthy
            continue
        alarms += [f"seed {seed}: {f['code']}: {f['message']}" for f in found]
    record_proof(f"held out, {path.stem}: {len(alarms)} findings over {SEEDS - unlearned} seeds")
    assert unlearned < SEEDS
    assert not alarms
