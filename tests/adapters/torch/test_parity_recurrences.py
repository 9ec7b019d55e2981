"""Gradients through time: the engine and PyTorch say the same of the same network and data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import backsight as bs
from backsight.traces.recording import Probe, Recording, load_recording

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

RNG = np.random.default_rng(11)
T, N, D, H = 25, 6, 3, 10
X = RNG.normal(size=(T, N, D))
Y = RNG.normal(size=(N, 2))
FIGURES = ("times", "growth", "total", "horizon", "spectral_radius")

Weights = Mapping[str, Any]


def recorded(
    folder: Path, weights: Weights, ours: Callable[[Weights], Any], theirs: Callable[[Weights], Any]
) -> tuple[Recording, Recording]:
    """Go back through the same network in both, 12 times; it does not change meanwhile."""
    own = {name: bs.tensor(value, name=name) for name, value in weights.items()}
    with bs.watch(folder / "ours.bsr", every_step=True):
        for _ in range(12):
            ours(own).backward()
    w = {name: torch.tensor(value, requires_grad=True) for name, value in weights.items()}
    with bs.watch(folder / "theirs.bsr", every_step=True):
        for _ in range(12):
            theirs(w).backward()
    for name, value in w.items():  # else nothing below would mean anything
        np.testing.assert_allclose(
            value.grad.numpy(), np.asarray(own[name].grad), rtol=1e-6, atol=1e-9
        )
    return load_recording(folder / "ours.bsr"), load_recording(folder / "theirs.bsr")


def tanh_net(every_step: bool) -> tuple[Callable[[Weights], Any], Callable[[Weights], Any]]:
    def ours(w: Weights) -> Any:
        h, loss = np.zeros((N, H)), 0.0
        for x in X:
            h = np.tanh(x @ w["u"] + h @ w["w"])
            loss = loss + np.mean((h @ w["v"] - Y) ** 2) if every_step else loss
        return loss if every_step else np.mean((h @ w["v"] - Y) ** 2)

    def theirs(w: Weights) -> Any:
        h, loss, y = torch.zeros(N, H).double(), torch.zeros(()), torch.from_numpy(Y)
        for x in torch.from_numpy(X):
            h = torch.tanh(x @ w["u"] + h @ w["w"])
            loss = loss + ((h @ w["v"] - y) ** 2).mean() if every_step else loss
        return loss if every_step else ((h @ w["v"] - y) ** 2).mean()

    return ours, theirs


def cell_net(
    cell: str, every_step: bool
) -> tuple[Callable[[Weights], Any], Callable[[Weights], Any]]:
    """Return loops of one cell in both; the weights are (D, M) here and (M, D) there."""
    own, other = getattr(bs, cell), getattr(torch, cell.replace("rnn", "rnn_tanh"))
    lstm = cell == "lstm_cell"

    def ours(w: Weights) -> Any:
        h: Any = np.zeros((N, H))
        state: Any = (h, np.zeros((N, H))) if lstm else h
        loss: Any = 0.0
        for x in X:
            given = state if lstm else (state,)
            state = own(x, *given, w["w_ih"], w["w_hh"], w["b_ih"], w["b_hh"])
            h = state[0] if lstm else state
            loss = loss + np.mean((h @ w["v"] - Y) ** 2) if every_step else loss
        return loss if every_step else np.mean((h @ w["v"] - Y) ** 2)

    def theirs(w: Weights) -> Any:
        zeros, y = torch.zeros(N, H).double(), torch.from_numpy(Y)
        state: Any = (zeros, zeros) if lstm else zeros
        h, loss = zeros, torch.zeros(())
        w_ih, w_hh = w["w_ih"].T, w["w_hh"].T
        for x in torch.from_numpy(X):
            state = other(x, state, w_ih, w_hh, w["b_ih"], w["b_hh"])
            h = state[0] if lstm else state
            loss = loss + ((h @ w["v"] - y) ** 2).mean() if every_step else loss
        return loss if every_step else ((h @ w["v"] - y) ** 2).mean()

    return ours, theirs


def of_time(recording: Recording, parameter: str) -> dict[int, Probe]:
    """Return what was measured of the one recurrence there is, by step."""
    (site,) = recording.of_kind("recurrence")
    assert site.parameter in (parameter, f"w['{parameter}']")
    return {probe.step: probe for probe in recording.probes(site)}


def agree(both: tuple[Recording, Recording], parameter: str) -> None:
    engine, other = (of_time(recording, parameter) for recording in both)
    common = sorted(set(engine) & set(other))
    assert len(common) >= 10
    for step in common:
        for name in FIGURES:
            # The radius is computed in ever fewer passes, and theirs begin one earlier.
            if name in engine[step].figures and name in other[step].figures:
                assert other[step][name] == pytest.approx(engine[step][name], rel=1e-6), name
    assert other[common[0]]["times"] == T


@pytest.mark.parametrize("every_step", [False, True])
@pytest.mark.parametrize("radius", [0.4, 1.0, 2.0])
def test_a_tanh_net_by_hand(radius: float, every_step: bool, tmp_path: Path) -> None:
    weights = {
        "u": RNG.normal(size=(D, H)) * 0.3,
        "w": radius * np.linalg.qr(RNG.normal(size=(H, H)))[0],
        "v": RNG.normal(size=(H, 2)),
    }
    both = recorded(tmp_path, weights, *tanh_net(every_step))
    agree(both, "w")
    for figure, exactly in (("spectral_radius", radius), ("slope", None)):
        ours, theirs = (
            next(p[figure] for p in of_time(recording, "w").values() if figure in p.figures)
            for recording in both
        )
        assert theirs == pytest.approx(ours, rel=1e-4)
        assert exactly is None or theirs == pytest.approx(exactly, rel=1e-4)


@pytest.mark.parametrize("every_step", [False, True])
@pytest.mark.parametrize("cell", ["rnn_cell", "lstm_cell", "gru_cell"])
def test_cells_in_a_loop(cell: str, every_step: bool, tmp_path: Path) -> None:
    gates = {"rnn_cell": 1, "lstm_cell": 4, "gru_cell": 3}[cell] * H
    weights = {
        "w_ih": RNG.normal(size=(D, gates)) * 0.3,
        "w_hh": RNG.normal(size=(H, gates)) * 0.3,
        "b_ih": RNG.normal(size=gates) * 0.1,
        "b_hh": RNG.normal(size=gates) * 0.1,
        "v": RNG.normal(size=(H, 2)),
    }
    both = recorded(tmp_path, weights, *cell_net(cell, every_step))
    agree(both, "w_hh")
