"""The line that is told before the end: only what is certain, once, and never at any cost."""

from __future__ import annotations

import dataclasses
import io
import re
from pathlib import Path

import pytest

from backsight.traces.findings import Finding, Severity
from backsight.traces.trace import Location
from backsight.watching import early
from backsight.watching.early import Early, line_of
from backsight.watching.sampling import Sampling
from backsight.watching.session import Session

from .programs import TRAINING, backsight, python

PLACE = Location("dqn.py", 41, 41, 20, 44, "np.clip(delta,\n   -1.0, 1.0)", "loss_of")
CLIP = Finding("clip blocks.", Severity.CRITICAL, "BS301", "clip-blocks-loss", PLACE, note="blocks")
DEAD = Finding("Units are dead. So they stay.", Severity.CRITICAL, "BS201", "dead-relu")

# Seconds of work, not of the clock: on a busy machine the looks take longer, too.
LONG = TRAINING + (
    "import sys, time\nend = time.process_time() + {seconds}\n"
    "while time.process_time() < end:\n    train(1)\n"
    "print('trained', file=sys.stderr)\n"
)


class Clock:
    """Time that passes when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Watched:
    """A session whose recording says what a test wants it to say."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, share: float = 0.05) -> None:
        self.clock = Clock()
        self.stream = io.StringIO()
        sampling = Sampling(share=share, clock=self.clock)
        self.session = Session(
            folder / "run.bsr", script="dqn.py", sampling=sampling, stream=self.stream
        )
        self.early = Early(clock=self.clock)
        self.critical: list[Finding] = []
        self.session.steps = 1234
        monkeypatch.setattr(early, "critical_in", lambda path: list(self.critical))

    def at(self, seconds: float, *critical: Finding) -> list[str]:
        """What is told when, at this moment of the run, these findings are critical."""
        self.clock.now, self.critical = seconds, list(critical)
        before = len(self.stream.getvalue())
        self.early.look(self.session)
        return self.stream.getvalue()[before:].splitlines()


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Watched:
    return Watched(tmp_path, monkeypatch)


def test_two_looks_in_a_row_make_it_certain_and_it_is_told_once(watched: Watched) -> None:
    assert watched.at(1.0, CLIP) == []
    assert watched.early.looks == 0  # too early
    assert watched.at(2.0, CLIP) == []
    assert watched.at(3.0, CLIP) == []  # the run is not twice as long yet
    assert watched.early.looks == 1
    assert watched.at(4.0, CLIP, DEAD) == [
        "backsight: step 1,234: critical BS301 clip-blocks-loss at dqn.py:41: "
        "np.clip(delta, -1.0, 1.0) blocks"
    ]
    assert watched.at(8.0, CLIP, DEAD) == [
        "backsight: step 1,234: critical BS201 dead-relu: Units are dead"
    ]
    assert watched.at(16.0, CLIP, DEAD) == []


def test_what_passes_is_not_told(watched: Watched) -> None:
    assert watched.at(2.0, CLIP) == []
    assert watched.at(4.0) == []
    assert watched.at(8.0, CLIP) == []
    moved = dataclasses.replace(CLIP, location=dataclasses.replace(PLACE, line=50))
    assert watched.at(16.0, moved) == []
    assert watched.at(32.0, moved) != []


def test_looks_are_counted_and_kept_within_the_budget(watched: Watched) -> None:
    for seconds in range(1, 3601):
        watched.at(float(seconds))
    assert watched.early.looks <= 12  # in an hour
    watched.session.sampling.cost = 10_000.0  # all is spent
    assert watched.at(8000.0) == []
    assert watched.early.looks <= 12


def test_no_budget_no_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched(tmp_path, monkeypatch, share=0.0)
    watched.at(2.0, CLIP)
    assert watched.at(4.0, CLIP) == []
    assert watched.early.looks == 0


def test_a_failure_switches_only_this_off(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(path: Path) -> list[Finding]:
        raise ZeroDivisionError

    assert watched.at(2.0, CLIP) == []
    with monkeypatch.context() as context:
        context.setattr(early, "critical_in", fails)
        assert watched.at(4.0, CLIP) == []
    assert watched.at(8.0, CLIP) == []
    assert watched.at(16.0, CLIP) == []
    assert watched.session.active
    assert not watched.session.failure


def test_a_large_recording_is_not_read(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(early, "LARGEST", 10)
    watched.at(2.0, CLIP)
    assert watched.at(4.0, CLIP) == []


def test_a_line_is_one_line_of_bounded_length() -> None:
    place = dataclasses.replace(PLACE, expression="f(\n" + "x, " * 200 + ")")
    line = line_of(dataclasses.replace(CLIP, location=place), 5)
    assert "\n" not in line
    assert len(line) == early.WIDEST
    assert line.startswith("step 5: critical BS301 clip-blocks-loss at dqn.py:41: f( x, x, ")


def test_a_real_run_is_told_of_its_leak_while_it_goes_on(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(LONG.format(seconds=8))
    run = backsight(tmp_path, "run", "--every-step", "train.py")
    during, _, after = run.stderr.partition("trained\n")
    told = re.fullmatch(
        r"backsight: step [\d,]+: critical BS301 clip-blocks-loss at train\.py:12: "
        r"np\.clip\(delta, -1\.0, 1\.0\) blocks \d+% of the gradient\n",
        during,
    )
    assert told is not None, run.stderr
    assert run.stdout == ""
    assert after.startswith("Diagnosis of train.py")


@pytest.mark.parametrize("options", [("--quiet",), ("--format", "json")])
def test_it_is_off_where_nobody_would_read_it(tmp_path: Path, options: tuple[str, ...]) -> None:
    (tmp_path / "train.py").write_text(LONG.format(seconds=5))
    run = backsight(tmp_path, "run", "--every-step", *options, "train.py")
    during, _, after = run.stderr.partition("trained\n")
    assert during == ""
    assert "BS301" in after


def test_looking_changes_no_result(tmp_path: Path) -> None:
    """Warnings as errors, NumPy raising, its global generator in use: all as without us."""
    script = (
        "import warnings, numpy as np\nwarnings.simplefilter('error')\nnp.seterr(all='raise')\n"
        "import random\nnp.random.seed(5)\nrandom.seed(5)\n"
        + TRAINING
        + "import time\nfor _ in range(500):\n    loss = train(1)\n    time.sleep(0.012)\n"
        "print(np.random.random(), random.random(), np.geterr(), len(warnings.filters))\n"
        "print(w.value.sum())\n"
    )
    (tmp_path / "train.py").write_text(script)
    watched = backsight(tmp_path, "run", "--every-step", "train.py")
    assert "critical BS301" in watched.stderr.partition("Diagnosis of")[0]
    assert watched.stdout == python(tmp_path, "train.py").stdout
