"""What is recorded of data, and of optimisers: clipping, and gradients that nobody cleared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import backsight as bs
from backsight import nn
from backsight.traces.recording import Recording

from .engine_runs import only, recorded

RNG = np.random.default_rng(29)
X, Y = RNG.normal(size=(32, 4)) * [1, 1, 1, 500], RNG.normal(size=(32, 1))


def kept(recording: Recording) -> list[list[float | None]]:
    return [
        [probe.figures.get("kept") for probe in recording.probes(site)]
        for site in recording.of_kind("optimizer")
    ]


def loss_of(w: Any) -> Any:
    return np.mean((X @ w - Y) ** 2)


def test_columns_of_different_scale_are_seen(tmp_path: Path) -> None:
    w = bs.tensor(np.zeros((4, 1)), name="w")
    recording = recorded(tmp_path, lambda: loss_of(w).backward())
    site = only(recording, "input")
    (probe,) = recording.probes(site)
    stds = X.std(axis=0)
    assert probe["column_ratio"] == pytest.approx(stds.max() / stds.min())
    assert probe["std"] == pytest.approx(X.std())
    assert site.attributes["shape"] == [32, 4]


@pytest.mark.parametrize("how", ["zero_grad", "grad = None", "zeros", "never"])
def test_gradients_that_nobody_clears(how: str, tmp_path: Path) -> None:
    w = bs.tensor(np.zeros((4, 1)), name="w")

    def train() -> None:
        opt = nn.optim.SGD([w], lr=1e-7)
        for _ in range(4):
            if how == "zero_grad":
                opt.zero_grad()
            elif how == "grad = None":
                w.grad = None
            elif how == "zeros":
                w.grad = np.zeros((4, 1))
            loss_of(w).backward()
            opt.step()

    expected = float(how == "never")
    assert kept(recorded(tmp_path, train)) == [[None, expected, expected, expected]]


def test_accumulation_and_two_optimisers_clear_in_their_own_time(tmp_path: Path) -> None:
    g, d = bs.tensor(RNG.normal(size=(4, 4))), bs.tensor(RNG.normal(size=(4, 1)))

    def train() -> None:
        for_d, for_g = nn.optim.SGD([d], lr=1e-9), nn.optim.SGD([g], lr=1e-9)
        for _ in range(4):
            for_d.zero_grad()
            for _ in range(2):
                np.mean(((X @ g).detach() @ d) ** 2).backward()
            for_d.step()
            for_g.zero_grad()
            np.mean((X @ g @ d - Y) ** 2).backward()
            for_g.step()

    assert kept(recorded(tmp_path, train)) == [[None, 0, 0, 0], [None, 0, 0, 0]]


def test_only_what_happens_after_the_last_walk_is_clipping(tmp_path: Path) -> None:
    """Norms that grow while gradients gather, or of another optimiser's pass, are no clipping."""
    g, d = bs.tensor(RNG.normal(size=(4, 4))), bs.tensor(RNG.normal(size=(4, 1)))

    def train() -> None:
        for_d, for_g = nn.optim.SGD([d], lr=1e-9), nn.optim.SGD([g], lr=1e-9)
        for _ in range(4):
            for_d.zero_grad()
            for _ in range(3):
                np.mean(((X @ g).detach() @ d) ** 2).backward()
            for_d.step()
            for_g.zero_grad()
            np.mean((X @ g @ d - Y) ** 2).backward()
            for_g.step()

    recording = recorded(tmp_path, train)
    for site in recording.of_kind("optimizer"):
        found = [probe["coefficient"] for probe in recording.probes(site)]
        assert found == pytest.approx([1.0] * 4)


def test_clipping_between_backward_and_update_is_measured(tmp_path: Path) -> None:
    w = bs.tensor(RNG.normal(size=(4, 1)), name="w")

    def train() -> None:
        opt = nn.optim.SGD([w], lr=1e-7)
        for _ in range(3):
            opt.zero_grad()
            loss_of(w).backward()
            w.grad = w.grad * (0.5 / np.linalg.norm(w.grad))
            opt.step()

    recording = recorded(tmp_path, train)
    site = only(recording, "optimizer")
    assert site.op == "SGD"
    assert site.attributes["parameters"] == ["w"]
    for step, probe in zip(recording.steps, recording.probes(site), strict=True):
        assert probe["gradient_norm"] == pytest.approx(0.5)
        assert step.gradient_norm is not None
        assert probe["coefficient"] == pytest.approx(0.5 / step.gradient_norm)
        assert probe["learning_rate"] == 1e-7
