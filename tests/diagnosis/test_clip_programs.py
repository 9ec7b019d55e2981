"""BS301 on whole training programs: which must be named, and which must be left in peace."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import backsight as bs
from backsight.watching import watch

Loss = Callable[[Any], Any]


def trained(loss_of: Loss, *leaves: Any, steps: int = 60, rate: float = 0.05) -> list[str]:
    """Train by plain gradient descent under watch; return the codes of the findings."""
    with watch(every_step=True) as watched:
        for _ in range(steps):
            loss = loss_of(leaves if len(leaves) > 1 else leaves[0])
            for leaf in leaves:
                leaf.grad = None
            loss.backward()
            for leaf in leaves:
                leaf.value -= rate * leaf.grad
    return [finding.code for finding in watched.diagnosis.findings]


def data(seed: int) -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(64, 5))
    return rng, x, x @ rng.normal(size=(5, 1))


def clipped_error(seed: int) -> list[str]:
    _, x, y = data(seed)
    w = bs.tensor(np.zeros((5, 1)), name="w")
    return trained(lambda w: np.mean(np.clip(x @ w - 20 * y, -1.0, 1.0) ** 2), w)


def clipped_loss(seed: int) -> list[str]:
    _, x, y = data(seed)
    w = bs.tensor(np.zeros((5, 1)), name="w")
    return trained(lambda w: np.mean(np.minimum((x @ w - 20 * y) ** 2, 1.0)), w)


def clipped_prediction(seed: int) -> list[str]:
    rng, x, _ = data(seed)
    target = rng.uniform(0.2, 0.8, size=(64, 1))
    w = bs.tensor(rng.normal(size=(5, 1)) * 10, name="w")
    return trained(lambda w: np.mean((np.clip(x @ w, 0.0, 1.0) - target) ** 2), w)


def clipped_log_std(seed: int) -> list[str]:
    rng, _, _ = data(seed)
    sample = rng.normal(size=(256, 5))
    log_std = bs.tensor(np.full(5, 3.0), name="log_std")

    def loss(log_std: Any) -> Any:
        bounded = np.clip(log_std, -2.0, 2.0)
        return np.mean(0.5 * (sample / np.exp(bounded)) ** 2 + bounded)

    return trained(loss, log_std)


def huber(seed: int) -> list[str]:
    _, x, y = data(seed)
    w = bs.tensor(np.zeros((5, 1)), name="w")
    return trained(lambda w: np.mean(bs.huber(x @ w - 20 * y, delta=1.0)), w)


def huber_by_hand(seed: int) -> list[str]:
    _, x, y = data(seed)
    w = bs.tensor(np.zeros((5, 1)), name="w")

    def loss(w: Any) -> Any:
        size = np.abs(x @ w - 20 * y)
        quadratic = np.minimum(size, 1.0)
        return np.mean(0.5 * quadratic**2 + (size - quadratic))

    return trained(loss, w)


def rare_outliers(seed: int) -> list[str]:
    _, x, y = data(seed)
    w = bs.tensor(np.zeros((5, 1)), name="w")
    return trained(lambda w: np.mean(np.clip(x @ w - y, -4.0, 4.0) ** 2), w)


def hinge(seed: int) -> list[str]:
    _, x, y = data(seed)
    w = bs.tensor(np.zeros((5, 1)), name="w")
    return trained(lambda w: np.mean(np.maximum(0.0, 1.0 - np.sign(y) * (x @ w))), w)


def siamese_margin(seed: int) -> list[str]:
    rng, x, _ = data(seed)
    other, same = rng.normal(size=(64, 5)), rng.integers(0, 2, size=64)
    w = bs.tensor(rng.normal(size=(5, 3)), name="w")

    def loss(w: Any) -> Any:
        distance = np.sqrt(np.sum((x @ w - other @ w) ** 2, axis=1) + 1e-9)
        return np.mean(same * distance**2 + (1 - same) * np.maximum(2.0 - distance, 0.0) ** 2)

    return trained(loss, w)


def ppo(seed: int) -> list[str]:
    rng, x, _ = data(seed)
    advantage = rng.normal(size=(64, 1))
    w = bs.tensor(np.zeros((5, 1)), name="w")

    def loss(w: Any) -> Any:
        ratio = np.exp(x @ w)
        return -np.mean(np.minimum(ratio * advantage, np.clip(ratio, 0.8, 1.2) * advantage))

    return trained(loss, w)


def free_bits(seed: int) -> list[str]:
    rng, _, _ = data(seed)
    mean = bs.tensor(rng.normal(size=(64, 5)), name="mean")
    return trained(lambda mean: np.sum(np.maximum(0.5 * mean**2, 0.25)), mean, rate=0.01)


def clipped_probability(seed: int) -> list[str]:
    _, x, y = data(seed)
    label = (y > 0).astype(float)
    w = bs.tensor(np.zeros((5, 1)), name="w")

    def loss(w: Any) -> Any:
        p = np.clip(bs.sigmoid(x @ w), 1e-7, 1 - 1e-7)
        return -np.mean(label * np.log(p) + (1 - label) * np.log(1 - p))

    return trained(loss, w, rate=0.5)


def clipped_activations(seed: int) -> list[str]:
    rng, x, y = data(seed)
    first = bs.tensor(rng.normal(size=(5, 16)) * 5, name="first")
    last = bs.tensor(rng.normal(size=(16, 1)) * 0.1, name="last")

    def loss(leaves: Any) -> Any:
        first, last = leaves
        return np.mean((np.clip(x @ first, 0.0, 6.0) @ last - y) ** 2)

    return trained(loss, first, last, rate=1e-4)


SICK = [clipped_error, clipped_loss, clipped_prediction, clipped_log_std]
HEALTHY = [
    huber,
    huber_by_hand,
    rare_outliers,
    hinge,
    siamese_margin,
    ppo,
    free_bits,
    clipped_probability,
    clipped_activations,
]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("program", SICK)
def test_it_is_named(program: Callable[[int], list[str]], seed: int) -> None:
    assert program(seed) == ["BS301"]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("program", HEALTHY)
def test_it_is_left_in_peace(program: Callable[[int], list[str]], seed: int) -> None:
    assert program(seed) == []
