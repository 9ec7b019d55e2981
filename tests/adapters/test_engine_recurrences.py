"""Gradients through time, against the powers of matrices that they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import backsight as bs
from backsight.traces.recording import Probe, Recording

from .engine_runs import only, recorded

RNG = np.random.default_rng(17)
T, N, D, H = 30, 8, 3, 12
X = RNG.normal(size=(T, N, D)) * 0.1


def rotation(radius: float) -> Any:
    q, _ = np.linalg.qr(RNG.normal(size=(H, H)))
    return radius * q


def measured(recording: Recording) -> tuple[Any, Probe]:
    site = only(recording, "recurrence")
    return site, recording.probes(site)[0]


def linear_net(u: Any, *, every_step: bool = False) -> Callable[[], None]:
    w, v = bs.tensor(RNG.normal(size=(D, H)), name="w"), bs.tensor(RNG.normal(size=(H, 1)))

    def train() -> None:
        for _ in range(3):
            h, total = np.zeros((N, H)), 0.0
            for x in X:
                h = x @ w + h @ u
                if every_step:
                    total = total + np.mean((h @ v) ** 2)
            (total if every_step else np.mean((h @ v) ** 2)).backward()

    return train


@pytest.mark.parametrize("radius", [0.5, 1.0, 1.3])
@pytest.mark.parametrize("every_step", [False, True])
def test_growth_is_the_radius_of_a_rotation(
    radius: float, every_step: bool, tmp_path: Path
) -> None:
    u = bs.tensor(rotation(radius), name="u")
    site, probe = measured(recorded(tmp_path, linear_net(u, every_step=every_step)))
    # The first h is a constant, but u still takes part in h @ u: T applications.
    assert probe["times"] == T
    assert probe["growth"] == pytest.approx(radius)
    assert probe["total"] == pytest.approx(radius ** (T - 1))
    assert probe["spectral_radius"] == pytest.approx(radius)
    horizon = T if radius >= 1 else 10
    assert probe["horizon"] == horizon
    assert site.parameter == "u"
    assert site.where.expression == "h @ u"
    assert probe.step == 2


def test_a_loss_at_every_step_does_not_hide_that_gradients_vanish(tmp_path: Path) -> None:
    u = bs.tensor(rotation(0.3), name="u")
    _, probe = measured(recorded(tmp_path, linear_net(u, every_step=True)))
    assert probe["total"] < 1e-12


def test_the_slope_explains_the_growth(tmp_path: Path) -> None:
    w, u = bs.tensor(RNG.normal(size=(D, H)) * 5), bs.tensor(rotation(1.6), name="u")
    states: list[Any] = []

    def train() -> None:
        for _ in range(2):
            h = np.zeros((N, H))
            states.clear()
            for x in X:
                h = np.tanh(x @ w + h @ u)
                states.append(h.value)
            np.mean(h**2).backward()

    _, probe = measured(recorded(tmp_path, train))
    # The gradient at the last application has passed the last tanh already.
    assert probe["slope"] == pytest.approx(np.mean(1 - np.array(states[:-1]) ** 2), rel=0.05)
    assert probe["growth"] < 1.6


@pytest.mark.parametrize("cell", ["rnn_cell", "lstm_cell", "gru_cell"])
def test_fused_cells_are_followed(cell: str, tmp_path: Path) -> None:
    gates = {"rnn_cell": 1, "lstm_cell": 4, "gru_cell": 3}[cell]
    w = bs.tensor(RNG.normal(size=(D, gates * H)) * 0.2, name="w_ih")
    u = bs.tensor(RNG.normal(size=(H, gates * H)) * 0.2, name="w_hh")
    at_states: list[float] = []

    def train() -> None:
        for _ in range(2):
            h, c = bs.tensor(np.zeros((N, H))), bs.tensor(np.zeros((N, H)))
            at_states.clear()
            for x in X:
                if cell == "lstm_cell":
                    h, c = bs.lstm_cell(x, h, c, w, u)
                else:
                    h = getattr(bs, cell)(x, h, w, u)
                if cell != "lstm_cell":
                    h.register_hook(lambda g: at_states.append(float(np.linalg.norm(g))))
            np.mean(h**2).backward()

    if cell != "lstm_cell":
        train()
        wanted = list(at_states)
    recording = recorded(tmp_path, lambda: without_hooks(cell, w, u))
    site, probe = measured(recording)
    assert site.parameter == "w_hh"
    assert probe["times"] == T
    if cell != "lstm_cell":
        assert probe["total"] == pytest.approx(wanted[-1] / wanted[0])


def without_hooks(cell: str, w: Any, u: Any) -> None:
    for _ in range(2):
        h, c = bs.tensor(np.zeros((N, H))), bs.tensor(np.zeros((N, H)))
        for x in X:
            if cell == "lstm_cell":
                h, c = bs.lstm_cell(x, h, c, w, u)
            else:
                h = getattr(bs, cell)(x, h, w, u)
        np.mean(h**2).backward()


def test_a_user_hook_on_the_way_is_not_called_twice(tmp_path: Path) -> None:
    u = bs.tensor(rotation(0.9), name="u")
    calls = []

    def train() -> None:
        for _ in range(3):
            h = bs.tensor(np.ones((N, H)))
            for _ in range(10):
                h = h @ u
                h.register_hook(lambda g: calls.append(1))
            np.mean(h).backward()

    recording = recorded(tmp_path, train)
    assert len(calls) == 30
    assert not list(recording.of_kind("recurrence"))


def test_loops_that_do_not_recur_are_none(tmp_path: Path) -> None:
    w = bs.tensor(RNG.normal(size=(D, H)))
    ws = [bs.tensor(rotation(1.0)) for _ in range(10)]

    def train() -> None:
        for _ in range(3):
            total = sum(np.mean((x @ w) ** 2) for x in X)  # each sample on its own
            h = np.ones((N, H))
            for u in ws:  # depth, not time
                h = h @ u
            (total + np.mean(h)).backward()

    assert not list(recorded(tmp_path, train).of_kind("recurrence"))


def test_gradients_stay_what_they_are(tmp_path: Path) -> None:
    start = rotation(1.1)
    results = []
    for watched in (False, True):
        u = bs.tensor(start, name="u")
        w = bs.tensor(np.ones((D, H)), name="w")

        def train(u: Any = u, w: Any = w) -> None:
            for _ in range(4):
                h = np.zeros((N, H))
                for x in X:
                    h = np.tanh(x @ w + h @ u.T)
                loss = np.mean(h**2)
                u.grad = w.grad = None
                loss.backward()
                u.value -= 0.1 * u.grad
                w.value -= 0.1 * w.grad

        recording = recorded(tmp_path, train) if watched else train()
        results.append((u.value.copy(), w.value.copy()))
    np.testing.assert_array_equal(results[0][0], results[1][0])
    np.testing.assert_array_equal(results[0][1], results[1][1])
    assert recording is not None
    assert len(recording.probes(only(recording, "recurrence"))) == 3
