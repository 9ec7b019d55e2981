"""What PyTorch's clamps block, against the engine on the same network and data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import backsight as bs
from backsight.traces.recording import Recording, Site, load_recording

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

RNG = np.random.default_rng(5)
X, Y, W = RNG.normal(size=(96, 4)), RNG.normal(size=(96, 3)) * 2, RNG.normal(size=(4, 3))


def recorded(loss_of: Callable[[Any], Any], leaf: Any, tmp_path: Any) -> Recording:
    with bs.watch(tmp_path / "run.bsr", every_step=True):
        loss_of(leaf).backward()
    return load_recording(tmp_path / "run.bsr")


def clamps(recording: Recording) -> list[tuple[Site, dict[str, float]]]:
    return [
        (site, dict(probe.figures))
        for site in recording.of_kind("clamp")
        for probe in recording.probes(site)
    ]


def error(w: Any) -> Any:
    if isinstance(w, torch.Tensor):
        return torch.from_numpy(X) @ w - torch.from_numpy(Y)
    return X @ w - Y


def pairs() -> dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]]:
    low, high = np.array([-1.0, -0.5, 0.0]), np.array([0.5, 1.0, 2.0])
    t = torch.from_numpy
    return {
        "clip": (
            lambda w: np.mean(np.clip(error(w), -1, 1) ** 2),
            lambda w: (error(w).clamp(-1, 1) ** 2).mean(),
        ),
        "in place": (
            lambda w: np.mean(np.clip(error(w), -1, 1) ** 2),
            lambda w: error(w).clamp_(-1, 1).square().mean(),
        ),
        "hardtanh": (
            lambda w: np.mean(bs.hard_tanh(error(w)) ** 2),
            lambda w: (torch.nn.functional.hardtanh(error(w)) ** 2).mean(),
        ),
        "bounds by element": (
            lambda w: np.mean(np.clip(error(w), low, high) ** 2),
            lambda w: (torch.clamp(error(w), t(low), t(high)) ** 2).mean(),
        ),
        "maximum": (
            lambda w: np.mean(np.maximum(error(w), -0.3) ** 2),
            lambda w: (
                torch.maximum(error(w), torch.tensor(-0.3, dtype=torch.float64)) ** 2
            ).mean(),
        ),
        "one-sided": (
            lambda w: np.mean(np.minimum(error(w), 0.7) ** 2),
            lambda w: (error(w).clamp(max=0.7) ** 2).mean(),
        ),
        "clamp_min": (
            lambda w: np.mean(np.maximum(error(w), 0.7) ** 2),
            lambda w: (error(w).clamp_min(0.7) ** 2).mean(),
        ),
        "before weights": (
            lambda w: np.mean((np.clip(X @ w, -1, 1) @ w.T - X) ** 2),
            lambda w: ((torch.clamp(t(X) @ w, -1, 1) @ w.T - t(X)) ** 2).mean(),
        ),
        "of a parameter": (
            lambda w: np.mean((X @ np.clip(w, -0.5, 0.5) - Y) ** 2),
            lambda w: ((t(X) @ w.clamp(-0.5, 0.5) - t(Y)) ** 2).mean(),
        ),
        "past a learned scale": (
            lambda w: np.mean((np.clip(error(w), -1, 1) * bs.tensor(np.array(2.0))) ** 2),
            lambda w: (
                (error(w).clamp(-1, 1) * torch.tensor(2.0).double().requires_grad_()) ** 2
            ).mean(),
        ),
    }


@pytest.mark.parametrize("name", list(pairs()))
def test_the_engine_and_pytorch_say_the_same(name: str, tmp_path: Any) -> None:
    ours, theirs = pairs()[name]
    expected = clamps(recorded(ours, bs.tensor(W), tmp_path))
    found = clamps(recorded(theirs, torch.from_numpy(W).clone().requires_grad_(), tmp_path))
    assert len(found) == len(expected) == 1
    (site, figures), (other, reference) = found[0], expected[0]
    assert figures == pytest.approx(reference, rel=1e-9)
    assert site.side == other.side
    assert (site.attributes["low"], site.attributes["high"]) == (
        other.attributes["low"],
        other.attributes["high"],
    )
    assert "square" in site.attributes["consumers"] or site.side != "loss" or "learned" in name


@pytest.mark.parametrize(
    "loss_of",
    [
        lambda y: torch.max(y, -y).mean(),
        lambda y: torch.relu(y).mean(),
        lambda y: torch.nn.functional.relu6(y).mean(),
        lambda y: torch.where(y > 0, y, torch.zeros(())).mean(),
        lambda y: y.masked_fill(y > 0, 0.0).mean(),
        lambda y: torch.nn.functional.smooth_l1_loss(y, torch.zeros_like(y)),
        lambda y: torch.nn.functional.dropout(y, 0.5).mean(),
        lambda y: y.detach().clamp(-1, 1).mean() * y.mean(),
    ],
)
def test_choices_gates_and_constants_are_no_clamps(loss_of: Any, tmp_path: Any) -> None:
    w = torch.from_numpy(W).clone().requires_grad_()
    assert not clamps(recorded(lambda w: loss_of(error(w)), w, tmp_path))


def test_large_tensors_are_sampled_and_strides_may_be_any(tmp_path: Any) -> None:
    y = torch.randn(1000, 500).T.requires_grad_()
    recording = recorded(lambda y: (y.clamp(-1, 1) ** 2).sum(), y, tmp_path)
    ((_, figures),) = clamps(recording)
    assert figures["elements"] == 500_000
    assert figures["samples"] <= 65_536
    blocked = float((y.detach().abs() > 1).double().mean())
    assert figures["blocked_inward"] / figures["arriving"] == pytest.approx(blocked, abs=0.01)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_any_precision(dtype: str, tmp_path: Any) -> None:
    y = torch.linspace(-2, 2, 100).to(getattr(torch, dtype)).requires_grad_()
    ((_, figures),) = clamps(recorded(lambda y: (y.clamp(-1, 1) ** 2).sum(), y, tmp_path))
    assert figures["blocked_inward"] == 50
    assert figures["arriving"] == 100
