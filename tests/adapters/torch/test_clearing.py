"""Updates by hand: whether gradients were cleared between them, of PyTorch and of the engine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import backsight as bs
from backsight.diagnosis import diagnose
from backsight.traces.recording import Recording, load_recording

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch


def recorded(train: Callable[[], Any], folder: Path) -> Recording:
    with bs.watch(folder / "run.bsr", every_step=True) as run:
        train()
    assert not run.diagnosis.failure
    return load_recording(folder / "run.bsr")


def kept(recording: Recording) -> list[float]:
    return [
        probe["kept"]
        for site in recording.of_kind("parameter")
        for probe in recording.probes(site)
        if "kept" in probe.figures
    ]


def in_torch(how: str) -> None:
    x = torch.arange(12.0).reshape(4, 3)
    w = torch.zeros(3, requires_grad=True)
    for step in range(8):
        if how == "before":
            w.grad = None
        ((x @ w - 1) ** 2).mean().backward()
        if how == "gathered" and step % 2 == 0:
            continue
        with torch.no_grad():
            w -= 1e-4 * w.grad
        if how in ("after", "gathered"):
            w.grad.zero_()


def in_the_engine(how: str) -> None:
    x = np.arange(12.0).reshape(4, 3)
    w = bs.tensor(np.zeros(3), name="w")
    for step in range(8):
        if how == "before":
            w.grad = None
        np.mean((x @ w - 1) ** 2).backward()
        if how == "gathered" and step % 2 == 0:
            continue
        w.value -= 1e-4 * w.grad
        if how in ("after", "gathered"):
            w.grad = np.zeros(3)


@pytest.mark.parametrize("train", [in_torch, in_the_engine])
@pytest.mark.parametrize("how", ["before", "after", "gathered", "never"])
def test_gradients_between_updates_by_hand(
    train: Callable[[str], None], how: str, tmp_path: Path
) -> None:
    recording = recorded(lambda: train(how), tmp_path)
    found = kept(recording)
    assert len(found) >= (2 if how == "gathered" else 6)
    assert set(found) == {float(how == "never")}
    codes = {finding.code for finding in diagnose(recording).findings}
    assert ("BS502" in codes) == (how == "never")


def test_a_gradient_that_nobody_adds_to_is_an_old_one(tmp_path: Path) -> None:
    w = torch.ones(3, requires_grad=True)

    def train() -> None:
        (w**2).sum().backward()
        for _ in range(8):
            (slope,) = torch.autograd.grad((w**2).sum(), w)
            with torch.no_grad():
                w.sub_(0.01 * slope)

    assert not any(kept(recorded(train, tmp_path)))


def test_a_pass_between_update_and_clearing_is_none(tmp_path: Path) -> None:
    """The second loss adds to what the update has used, and all is cleared before the next one."""
    w, v = (torch.ones(3, requires_grad=True) for _ in range(2))

    def train() -> None:
        for _ in range(8):
            (w**2).sum().backward()
            with torch.no_grad():
                w.sub_(0.01 * w.grad)
            (w * v).sum().backward()
            with torch.no_grad():
                v.sub_(0.01 * v.grad)
            w.grad = v.grad = None

    found = kept(recorded(train, tmp_path))
    assert found
    assert not any(found)
