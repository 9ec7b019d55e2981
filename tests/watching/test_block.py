"""`with watch()`: a diagnosis without a file, or with one."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest

import backsight as bs
from backsight.engine import observers
from backsight.errors import UsageError
from backsight.traces.recording import load_recording
from backsight.watching import watch


def train(steps: int = 30, bound: float = 1.0) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(64, 4)), 10 * rng.normal(size=(64, 1))
    w = bs.tensor(np.zeros((4, 1)), name="w")
    optimiser = bs.nn.optim.SGD([w], lr=0.125)
    for _ in range(steps):
        loss = np.mean(np.clip(x @ w - y, -bound, bound) ** 2)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()


def test_a_leak_in_the_block_is_found() -> None:
    with watch() as watched:
        train()
    (finding,) = watched.diagnosis.findings
    assert finding.code == "BS301"
    assert finding.location is not None
    assert finding.location.file.endswith("test_block.py")
    assert finding.location.function == "train"


def test_a_healthy_block_is_clean() -> None:
    with watch() as watched:
        train(bound=1e3)
    assert watched.diagnosis.status == "clean"
    assert watched.diagnosis.script_exit_code is None


def test_nothing_is_left_behind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with watch():
        train(3)
    assert list(tmp_path.iterdir()) == []
    assert observers.active == []


def test_steps_have_loss_norm_and_learning_rate(tmp_path: Path) -> None:
    with watch(tmp_path / "run.bsr", every_step=True, steps=5):
        train(8)
    recording = load_recording(tmp_path / "run.bsr")
    assert [step.number for step in recording.steps] == list(range(1, 9))
    assert [step.observed for step in recording.steps] == [True] * 5 + [False] * 3
    for step in recording.steps:
        assert step.loss is not None
        assert 0 < step.loss <= 1
        assert step.learning_rate == 0.125
        assert step.gradient_norm is not None
    assert (recording.meta["steps"], recording.meta["probed"]) == (8, 5)
    assert recording.meta["source"] == "engine"


def test_the_blocks_own_error_is_the_one_to_see() -> None:
    watched = watch()

    def failing() -> None:
        with watched:
            train()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    assert [finding.code for finding in watched.diagnosis.findings] == ["BS301"]


def test_blocks_may_be_nested() -> None:
    with watch() as outer:
        train(10)
        with watch() as inner:
            train(10)
    assert (outer.diagnosis.observed["steps"], inner.diagnosis.observed["steps"]) == (20, 10)


def test_misuse_is_said() -> None:
    watched = watch()
    with pytest.raises(UsageError, match="when the block has ended"):
        _ = watched.diagnosis
    with watched:
        pass
    assert watched.diagnosis.status == "not-observed"
    with pytest.raises(UsageError, match="make a new one for each block"), watched:
        pass


def test_no_array_outlives_its_walk() -> None:
    import gc
    import weakref

    with watch(every_step=True):
        w = bs.tensor(np.ones(4))
        clipped = np.clip(w * np.full(4, 3.0), -1, 1)
        value = weakref.ref(clipped)
        np.sum(clipped**2).backward()
        del clipped
        gc.collect()
        assert value() is None
