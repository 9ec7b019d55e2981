"""A session: what is in the file when, what is let pass, and what happens when the disk is full."""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import backsight as bs
from backsight import nn
from backsight.traces.recording import Observation, load_recording
from backsight.watching import Sampling, Session
from backsight.watching.engine import watch_engine
from backsight.watching.torch import watch_torch

from .programs import TRAINING, backsight, python


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def session_in(folder: Path, **options: Any) -> Session:
    return Session(folder / "run.bsr", script="t.py", sampling=Sampling(**options))


def test_long_steps_do_not_wait_for_the_next_one(tmp_path: Path) -> None:
    """Killed in the middle of a long step, a run has in its file what is older than that."""
    clock = Clock()
    session = session_in(tmp_path, clock=clock)
    for step in range(1, 4):
        clock.now += 30.0
        number = session.step(1.0 / step, "t")
        session.observed(number, Observation({}, 2.0 * step))
        session.learning_rate(0.1)
        kept = load_recording(tmp_path / "run.bsr").steps
        if step > 1:  # by then it is known that steps are long
            assert [s.number for s in kept] == list(range(1, step + 1))
            assert (kept[-1].loss, kept[-1].gradient_norm) == (1.0 / step, 2.0 * step)
            assert kept[-1].learning_rate == 0.1
    session.finish(0)
    assert [s.loss for s in load_recording(tmp_path / "run.bsr").steps] == [1.0, 0.5, 1.0 / 3]


def test_a_clipped_norm_is_not_taken_for_that_of_a_pass(tmp_path: Path) -> None:
    """Norms before and after clipping in one series would look like spikes."""
    session = session_in(tmp_path, first=4, share=0.0)
    session.sampling.spent(1.0)
    for step in range(1, 41):
        if number := session.step(1.0, "t"):
            session.observed(number, Observation({}, 50.0))
        session.learning_rate(0.1, 1.0 if step > 2 else 50.0)
    session.finish(0)
    norms = [step.gradient_norm for step in load_recording(tmp_path / "run.bsr").steps]
    assert norms == [50.0] * 4 + [None] * 36


def test_a_norm_that_nobody_clips_is_known_at_every_step(tmp_path: Path) -> None:
    session = session_in(tmp_path, first=4, share=0.0)
    session.sampling.spent(1.0)
    for step in range(1, 41):
        if number := session.step(1.0, "t"):
            session.observed(number, Observation({}, 3.0 + step))
        session.learning_rate(0.1, 3.0 + step)
    session.finish(0)
    steps = load_recording(tmp_path / "run.bsr").steps
    assert [step.gradient_norm for step in steps] == [3.0 + step for step in range(1, 41)]


def resting(session: Session) -> None:
    """Have the session let 9 of 10 steps pass from now on, in blocks."""
    sampling = session.sampling
    sampling._plan_rests = lambda elapsed: None  # type: ignore[method-assign]
    sampling.share = 0.0
    sampling._block, sampling._length = 8, 144


def wake(session: Session) -> None:
    """Have the session observe the next step that it can, whatever it has spent."""
    sampling = session.sampling
    sampling.cost = sampling._mark = sampling._step_cost = 0.0
    sampling._rest, sampling._armed, sampling.next = 0, 1, 0


@pytest.mark.parametrize("every", [1, 3])
def test_what_was_let_pass_does_not_make_us_claim_anything(every: int, tmp_path: Path) -> None:
    """Updates that were not seen must not look like gradients that were never cleared.

    With `every` 3 gradients are accumulated over three passes.
    """
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(32, 4)), rng.normal(size=(32, 1))
    w = bs.tensor(rng.normal(size=(4, 1)), name="w")
    optimizer = nn.optim.SGD([w], lr=0.01)
    session = session_in(tmp_path, first=10)
    watch_engine(session)
    values = []
    for step in range(3000):
        if step == 10:
            resting(session)
        if step % 40 == 0 and step > 10:  # observe now and then, wherever in the cycle that is
            wake(session)
        np.mean((x @ w - y) ** 2).backward()
        if step % every == every - 1:
            values.append(w.value.copy())
            optimizer.step()
            optimizer.zero_grad()
    session.finish(0)
    recording = load_recording(tmp_path / "run.bsr")
    assert recording.meta["steps"] == 3000
    assert 200 < len(recording.steps) < 2000
    assert len({step.number for step in recording.steps}) == len(recording.steps)
    (site,) = recording.of_kind("optimizer")
    probes = recording.probes(site)
    assert len(probes) > 10
    assert all(probe.figures.get("kept", 0.0) == 0.0 for probe in probes)
    (leaf,) = recording.of_kind("parameter")
    changes = [np.std(b - a) for a, b in pairwise(values)]
    for probe in recording.probes(leaf):
        if "update_std" in probe.figures and probe["unchanged"] == 0.0:
            assert probe["update_std"] <= 1.001 * max(changes)


@pytest.mark.torch
def test_steps_of_pytorch_are_let_pass_as_well(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    x, y = torch.randn(32, 4), torch.randn(32, 1)
    model = torch.nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    session = session_in(tmp_path, first=10)
    watch_torch(session)
    for step in range(1000):
        if step == 10:
            resting(session)
        if step % 40 == 0 and step > 10:
            wake(session)
        torch.nn.functional.mse_loss(model(x), y).backward()
        if step % 3 == 2:
            optimizer.step()
            optimizer.zero_grad()
    session.finish(0)
    assert session.failure == ""
    recording = load_recording(tmp_path / "run.bsr")
    assert recording.meta["steps"] == 1000
    assert 100 < len(recording.steps) < 700
    assert session.probed > 10
    for site in recording.of_kind("optimizer"):
        assert all(probe.figures.get("kept", 0.0) == 0.0 for probe in recording.probes(site))


FULL = """
import os, resource
train(20)
grown = os.stat("backsight/script.bsr-wal").st_size + 4096
resource.setrlimit(resource.RLIMIT_FSIZE, (grown, grown))
import time
for _ in range(3):
    time.sleep(1.1)  # so that it is time to write
    train(200)
print(train(60).item().hex())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
def test_a_full_disk_costs_one_line_and_no_training(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(TRAINING + "train(20)\ntrain(600)\nprint(train(60).item().hex())\n")
    bare = python(tmp_path, "script.py")
    script.write_text(TRAINING + FULL)
    watched = backsight(tmp_path, "run", "--every-step", "script.py")
    assert (watched.stdout, watched.returncode) == (bare.stdout, 0)
    assert watched.stderr.count("watching is switched off, the script goes on") == 1
    assert "Traceback" not in watched.stderr
    assert "Watching broke off" in watched.stderr
