"""Rules of other packages, through the entry points `backsight.rules`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ..watching.programs import TRAINING, backsight

RULES = '''
from backsight.diagnosis import rule
from backsight.traces import Finding


@rule("XY101", "long-run", reads=("loss-curve",))
def long_run(recording, *, most: int = 10):
    """Find runs that are longer than they should be.

    Time is money.
    """
    if len(recording.steps) > most:
        yield Finding(f"{len(recording.steps)} steps", fix="Stop earlier.")


@rule("XY102", "broken", reads=("loss-curve",))
def broken(recording):
    """Fail."""
    raise KeyError("nothing there")
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two installed packages, one of which cannot be imported."""
    packages = tmp_path / "packages"
    packages.mkdir()
    (packages / "xy_rules.py").write_text(RULES)
    (packages / "worse_rules.py").write_text("import not_installed\n")
    for name, module in (("xy", "xy_rules"), ("worse", "worse_rules")):
        info = packages / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[backsight.rules]\n{name} = {module}\n")
    (tmp_path / "train.py").write_text(TRAINING + "train(40)\n")
    return tmp_path


def test_they_judge_beside_ours_and_their_faults_cost_a_line(folder: Path) -> None:
    run = backsight(folder, "run", "train.py", PYTHONPATH=str(folder / "packages"))
    assert run.returncode == 0
    text = " ".join(run.stderr.split())
    for part in (
        "▲ XY101 long-run",
        "40 steps",
        "✖ BS301 clip-blocks-loss",
        "not observed: the rules of worse = worse_rules (ModuleNotFoundError: No module named",
        "XY102 broken: the rule failed (KeyError: 'nothing there')",
    ):
        assert part in text


def test_they_are_explained_and_set_like_ours(folder: Path) -> None:
    variables = {"PYTHONPATH": str(folder / "packages")}
    run = backsight(folder, "explain", "XY101", **variables)
    assert run.stdout.startswith("XY101 long-run\n\nFind runs")
    assert "    most = 10\n" in run.stdout
    (folder / "pyproject.toml").write_text("[tool.backsight.XY101]\nmost = 100\n")
    assert "XY101 long-run" not in backsight(folder, "run", "train.py", **variables).stderr
    listed = backsight(folder, "explain", **variables)
    assert "XY101 long-run: Find runs" in listed.stdout
    assert "not loaded: the rules of worse" in listed.stderr


def test_nothing_of_others_is_loaded_before_it_is_needed(folder: Path) -> None:
    code = "import sys, backsight.diagnosis; print('xy_rules' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": f"{folder / 'packages'}:{Path(__file__).parents[2] / 'src'}"},
    )
    assert done.stdout == "False\n"
