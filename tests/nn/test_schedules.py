"""Schedules and clipping against PyTorch's over 50 steps."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import backsight as bs
from backsight import nn
from backsight.errors import UsageError

optim = nn.optim


def rates(make: Any, optimizer: Any, steps: int = 50) -> list[float]:
    """Return the learning rate of each of 50 steps."""
    schedule = make(optimizer)
    found = []
    for _ in range(steps):
        group = getattr(optimizer, "param_groups", None)
        found.append(float(group[0]["lr"] if group else optimizer.lr))
        optimizer.step()
        schedule.step()
    return found


PAIRS: dict[str, tuple[Any, Any]] = {
    "step": (
        lambda o: optim.StepLR(o, 7, 0.3),
        lambda s, o: s.StepLR(o, 7, 0.3),
    ),
    "exponential": (
        lambda o: optim.ExponentialLR(o, 0.9),
        lambda s, o: s.ExponentialLR(o, 0.9),
    ),
    "cosine": (
        lambda o: optim.CosineAnnealingLR(o, 50, 1e-3),
        lambda s, o: s.CosineAnnealingLR(o, 50, 1e-3),
    ),
    "warm-up": (
        lambda o: optim.LinearLR(o, 10, 0.1),
        lambda s, o: s.LinearLR(o, 0.1, 1.0, 10),
    ),
    "function": (
        lambda o: optim.LambdaLR(o, lambda t: 1 / (1 + t)),
        lambda s, o: s.LambdaLR(o, lambda t: 1 / (1 + t)),
    ),
    "warm-up, then cosine": (
        lambda o: optim.SequentialLR(
            o, [optim.LinearLR(o, 10, 0.1), optim.CosineAnnealingLR(o, 40)], [10]
        ),
        lambda s, o: s.SequentialLR(
            o, [s.LinearLR(o, 0.1, 1.0, 10), s.CosineAnnealingLR(o, 40)], [10]
        ),
    ),
}


@pytest.mark.torch
@pytest.mark.parametrize("name", PAIRS)
def test_agrees_with_pytorch_over_50_steps(name: str) -> None:
    torch = pytest.importorskip("torch")
    ours, theirs = PAIRS[name]
    mine = rates(ours, optim.SGD([bs.tensor([1.0])], lr=0.1))
    leaf = torch.zeros(1, requires_grad=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that step comes first, and of its own deprecations
        truth = rates(
            lambda o: theirs(torch.optim.lr_scheduler, o), torch.optim.SGD([leaf], lr=0.1)
        )
    np.testing.assert_allclose(mine, truth, rtol=1e-9, atol=1e-15)


def test_a_warm_up_may_begin_at_zero() -> None:
    found = rates(
        lambda o: optim.LinearLR(o, 4, 0.0), optim.SGD([bs.tensor([1.0])], lr=0.8), steps=6
    )
    np.testing.assert_allclose(found, [0, 0.2, 0.4, 0.6, 0.8, 0.8])


def test_milestones_are_checked() -> None:
    optimizer = optim.SGD([bs.tensor([1.0])], lr=0.1)
    parts: list[Any] = [optim.LinearLR(optimizer, 5), optim.StepLR(optimizer, 5)]
    with pytest.raises(UsageError, match="2 schedules need 1 rising milestones"):
        optim.SequentialLR(optimizer, parts, [1, 2])


def with_gradients(seed: int = 0) -> tuple[Any, list[Any]]:
    r = np.random.default_rng(seed)
    leaves = [bs.tensor(r.standard_normal(shape)) for shape in ((3, 2), (4,))]
    unused = bs.tensor([1.0])
    for t in leaves:
        t.grad = r.standard_normal(t.shape) * 3
    return leaves, [*leaves, unused]


@pytest.mark.torch
@pytest.mark.parametrize("bound", [0.5, 1000.0])
@pytest.mark.parametrize("kind", ["norm", "value"])
def test_clipping_agrees_with_pytorch(bound: float, kind: str) -> None:
    torch = pytest.importorskip("torch")
    leaves, given = with_gradients()
    theirs = [torch.zeros(t.shape, dtype=torch.float64, requires_grad=True) for t in leaves]
    for t, other in zip(leaves, theirs, strict=True):
        other.grad = torch.tensor(t.grad.copy())
    clip = getattr(torch.nn.utils, f"clip_grad_{kind}_")
    truth = clip(theirs, bound)
    found = getattr(optim, f"clip_grad_{kind}")(given, bound)
    if kind == "norm":
        assert found == pytest.approx(float(truth))
    for t, other in zip(leaves, theirs, strict=True):
        np.testing.assert_allclose(t.grad, other.grad.numpy(), rtol=1e-12)


def test_clipping_refuses_a_bound_that_is_none() -> None:
    with pytest.raises(UsageError, match="max_norm is 0; it must be above 0"):
        optim.clip_grad_norm(with_gradients()[1], 0)
