"""Data that goes into PyTorch's first weights, and ops that starve parameters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ..engine_runs import only
from .runs import recorded

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch
nn = torch.nn

torch.manual_seed(3)
X = 40 + 5 * torch.randn(24, 6)
NETWORKS: dict[str, Any] = {
    "linear": lambda: nn.Linear(6, 3)(X),
    "without bias": lambda: nn.Linear(6, 3, bias=False)(X),
    "deep": lambda: nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 1))(X),
    "of three axes": lambda: nn.Linear(6, 3)(X.reshape(4, 6, 6)),
    "by hand": lambda: X @ torch.randn(6, 2, requires_grad=True),
    "turned": lambda: torch.randn(2, 6, requires_grad=True) @ X.T,
    "convolution": lambda: nn.Conv1d(6, 2, 3)(X.reshape(4, 6, 6)),
    "lstm": lambda: nn.LSTM(6, 3)(X.reshape(4, 6, 6))[0],
}


@pytest.mark.parametrize("name", NETWORKS)
def test_inputs_are_found(name: str, tmp_path: Path) -> None:
    recording = recorded(tmp_path, lambda: NETWORKS[name]().square().mean().backward())
    (probe,) = recording.probes(only(recording, "input"))
    assert probe["mean"] == pytest.approx(float(X.mean()), rel=1e-5)
    assert probe["std"] == pytest.approx(float(X.std(correction=0)), rel=1e-5)


@pytest.mark.parametrize(
    "network",
    [
        lambda: nn.Embedding(9, 4)(torch.arange(9)),
        lambda: nn.Linear(6, 3)(X.clone().requires_grad_()),
        lambda: X @ torch.randn(6, 6) * torch.ones(6, requires_grad=True),
    ],
)
def test_what_is_no_input(network: Any, tmp_path: Path) -> None:
    recording = recorded(tmp_path, lambda: network().square().mean().backward())
    assert not list(recording.of_kind("input"))


STEPS: dict[str, tuple[Any, str]] = {
    "round": (torch.round, "round"),
    "decimals": (lambda h: torch.round(h, decimals=1), "round"),
    "sign": (torch.sign, "sign"),
    "sgn": (torch.sgn, "sign"),
    "floor": (lambda h: h.floor(), "floor"),
    "in place": (lambda h: (2 * h).ceil_(), "ceil"),
    "trunc": (torch.trunc, "trunc"),
    "division": (lambda h: torch.div(h, 0.25, rounding_mode="floor"), "floor"),
}


@pytest.mark.parametrize("name", STEPS)
def test_a_step_on_the_only_way_is_found(name: str, tmp_path: Path) -> None:
    step, op = STEPS[name]
    first, second = nn.Linear(6, 4), nn.Linear(4, 1)
    recording = recorded(tmp_path, lambda: second(step(first(X))).mean().backward())
    site = only(recording, "flat")
    assert site.op == op
    assert site.attributes["parameters"] == ["first.bias", "first.weight"]
    assert recording.probes(site)[0]["starved"] == 2
    assert not first.weight.grad.any()  # which is what it claims
    assert second.weight.grad.any()


@pytest.mark.parametrize(
    "step",
    [
        lambda h: h + (h.round() - h).detach(),
        lambda h: h.round() + h - h.detach(),
        lambda h: h - h.floor(),
        lambda h: h.sign() * h.abs().sqrt(),
        lambda h: torch.where(h > 0, h, h.round()),
        lambda h: h.detach().round() * h,
    ],
)
def test_a_step_with_a_way_around_it_is_not(step: Any, tmp_path: Path) -> None:
    first, second = nn.Linear(6, 4), nn.Linear(4, 1)
    recording = recorded(tmp_path, lambda: second(step(first(X))).mean().backward())
    assert not list(recording.of_kind("flat"))
    assert first.weight.grad.any()
