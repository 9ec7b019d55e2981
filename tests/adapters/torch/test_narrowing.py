"""Gradients that become float16, against the numbers themselves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import backsight as bs
from backsight.adapters.narrowing import narrowing_figures
from backsight.traces.recording import Recording, load_recording

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

F = torch.nn.functional


def recorded(train: Callable[[], Any], folder: Path) -> Recording:
    with bs.watch(folder / "run.bsr", every_step=True) as run:
        train()
    assert not run.diagnosis.failure
    return load_recording(folder / "run.bsr")


def narrowings(recording: Recording) -> list[dict[str, float]]:
    return [
        dict(probe.figures)
        for site in recording.of_kind("narrowing")
        for probe in recording.probes(site)
    ]


def expected(gradient: Any) -> dict[str, float]:
    """The truth by rounding in float64: ranges of float16 from its definition."""
    size = np.abs(np.asarray(gradient, np.float64)).ravel()
    there = size[size > 0]
    return {
        "elements": there.size,
        "underflowed": np.count_nonzero(there < 2.0**-14 * (1 - 2.0**-12)),
        "vanished": np.count_nonzero(there <= 2.0**-25),
        "magnitude": there.sum(),
    }


@pytest.mark.parametrize("scale", [1e-9, 1e-7, 1e-5, 1e-3])
def test_figures_against_the_definition(scale: float) -> None:
    wide = (np.random.default_rng(1).normal(size=500) * scale).astype(np.float32)
    wide[::7] = 0.0
    found = narrowing_figures(wide, wide.astype(np.float16))
    for name, value in expected(wide).items():
        assert found[name] == pytest.approx(value, rel=1e-9), name


@pytest.mark.parametrize("weight", [1e-6, 1e-3, 1.0])
def test_a_cast_before_the_loss(weight: float, tmp_path: Path) -> None:
    torch.manual_seed(0)
    net, x = torch.nn.Linear(8, 4), torch.randn(64, 8)
    wide: list[Any] = []

    def train() -> None:
        with torch.autocast("cpu", dtype=torch.float16):
            out = net(x)
        out = out.float()
        out.register_hook(lambda g: wide.append(g.clone()) or None)
        (weight * out.square().mean()).backward()

    recording = recorded(train, tmp_path)
    (site,) = recording.of_kind("narrowing")
    assert site.where is not None
    assert site.where.expression == "out.float()"
    (found,) = narrowings(recording)
    for name, value in expected(wide[0].numpy()).items():
        assert found[name] == pytest.approx(value, rel=1e-5), name


def test_bfloat16_float32_and_scaled_losses_are_not_judged(tmp_path: Path) -> None:
    net, x = torch.nn.Linear(8, 4), torch.randn(16, 8)

    def train() -> None:
        for dtype in (torch.bfloat16, torch.float16):
            with torch.autocast("cpu", dtype=dtype, enabled=True):
                loss = net(x).float().square().mean()
            scaler = torch.amp.GradScaler("cpu", enabled=dtype is torch.float16)
            scaler.scale(loss).backward()
        net(x).double().square().mean().backward()

    assert narrowings(recorded(train, tmp_path)) == []


def test_the_engine_gives_the_same_figures(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    x, weights = rng.normal(size=(32, 4)).astype(np.float16), rng.normal(size=(4, 2))
    weights = weights.astype(np.float16)

    def ours() -> None:
        w = bs.tensor(weights.copy())
        loss = np.mean((x @ w).astype(np.float32) ** 2) * np.float32(1e-4)
        loss.backward()

    def theirs() -> None:
        w = torch.tensor(weights, requires_grad=True)
        ((torch.tensor(x) @ w).float().square().mean() * 1e-4).backward()

    (one,), (two,) = (
        narrowings(recorded(train, tmp_path / name))
        for name, train in (("a", ours), ("b", theirs))
        if not (tmp_path / name).mkdir()
    )
    assert one == pytest.approx(two, rel=1e-3)
    assert one["underflowed"] > 0
