"""Optimisers against PyTorch's over 50 steps, and what they refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import backsight as bs
from backsight import nn
from backsight.errors import InPlaceError, UsageError


def trained(make: Any, steps: int = 50) -> list[Any]:
    """Train w and b on a fixed least-squares problem with Backsight."""
    r = np.random.default_rng(0)
    x, y = r.standard_normal((20, 3)), r.standard_normal((20, 2))
    w, b = bs.tensor(r.standard_normal((3, 2))), bs.tensor(np.zeros(2))
    optimiser = make([w, b])
    for _ in range(steps):
        loss = np.mean((x @ w + b - y) ** 2)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return [w.value, b.value]


def trained_by_torch(name: str, options: dict[str, Any], steps: int = 50) -> list[Any]:
    torch = pytest.importorskip("torch")
    r = np.random.default_rng(0)
    x, y = torch.tensor(r.standard_normal((20, 3))), torch.tensor(r.standard_normal((20, 2)))
    w = torch.tensor(r.standard_normal((3, 2)), requires_grad=True)
    b = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    optimiser = getattr(torch.optim, name)([w, b], **options)
    for _ in range(steps):
        optimiser.zero_grad()
        ((x @ w + b - y) ** 2).mean().backward()
        optimiser.step()
    return [w.detach().numpy(), b.detach().numpy()]


@pytest.mark.torch
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("SGD", {"lr": 0.05}),
        ("SGD", {"lr": 0.05, "weight_decay": 0.1}),
        ("SGD", {"lr": 0.05, "momentum": 0.9}),
        ("SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
        ("SGD", {"lr": 0.05, "momentum": 0.8, "dampening": 0.3, "weight_decay": 0.1}),
        ("Adagrad", {"lr": 0.5}),
        (
            "Adagrad",
            {"lr": 0.5, "lr_decay": 0.1, "weight_decay": 0.1, "initial_accumulator_value": 0.2},
        ),
        ("RMSprop", {"lr": 0.01}),
        ("RMSprop", {"lr": 0.002, "alpha": 0.9, "eps": 1e-6, "weight_decay": 0.1}),
        ("RMSprop", {"lr": 0.01, "momentum": 0.9, "centered": True, "weight_decay": 0.1}),
        ("AdamW", {"lr": 0.05}),
        ("AdamW", {"lr": 0.05, "betas": (0.8, 0.99), "weight_decay": 0.3}),
        ("Adam", {"lr": 0.05}),
        ("Adam", {"lr": 0.05, "betas": (0.8, 0.99), "eps": 1e-6, "weight_decay": 0.1}),
    ],
    ids=str,
)
def test_agrees_with_pytorch_over_50_steps(name: str, options: dict[str, Any]) -> None:
    own = {"RMSprop": "RMSProp"}.get(name, name)
    ours = trained(lambda given: getattr(nn.optim, own)(given, **options))
    for a, b in zip(ours, trained_by_torch(name, options), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10)


@pytest.mark.parametrize(
    "make",
    [nn.optim.SGD, nn.optim.Adagrad, nn.optim.RMSProp, nn.optim.Adam, nn.optim.AdamW],
)
def test_float32_parameters_stay_float32(make: Any) -> None:
    w = bs.tensor(np.ones(3, np.float32))
    optimiser = make([w], lr=0.1)
    np.sum(w * w).backward()
    optimiser.step()
    assert w.dtype == np.float32


def test_parameters_without_a_gradient_stay() -> None:
    w, unused = bs.tensor([1.0]), bs.tensor([2.0])
    optimiser = nn.optim.Adam([w, unused])
    np.sum(w).backward()
    optimiser.step()
    assert unused.value == 2.0


def test_parameters_get_their_path_as_name() -> None:
    net = nn.Sequential(nn.Linear(2, 2, np.random.default_rng(0)))
    nn.optim.SGD(net)
    assert net[0].w.name == "layers.0.w"  # type: ignore[attr-defined]


def test_step_between_forward_and_backward_is_an_error_not_a_wrong_gradient() -> None:
    w = bs.tensor([2.0], name="w")
    optimiser = nn.optim.SGD([w], lr=0.1)
    first, second = np.sum(w * w), np.sum(w * w * w)
    first.backward()
    optimiser.step()
    with pytest.raises(InPlaceError, match="w was given a new value after multiply used it"):
        second.backward()


def test_no_parameters_is_an_error() -> None:
    with pytest.raises(UsageError, match="given no parameters: ReLU holds no Tensor"):
        nn.optim.SGD(nn.ReLU())


def test_negative_learning_rate_is_an_error() -> None:
    with pytest.raises(UsageError, match=r"SGD: the learning rate is -1"):
        nn.optim.SGD([bs.tensor([1.0])], lr=-1)


def test_nesterov_without_momentum_is_an_error() -> None:
    with pytest.raises(UsageError, match="nesterov needs a momentum above 0"):
        nn.optim.SGD([bs.tensor([1.0])], nesterov=True)
