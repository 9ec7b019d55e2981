"""Predictions (N, 1) against targets (N,)."""

import numpy as np

import backsight as bs

LEAK = "BS308"


def train(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(128, 6))
    y = x @ rng.normal(size=6)
    y = y / y.std()
    w, v = bs.tensor(rng.normal(size=(6, 16)) * 0.5), bs.tensor(rng.normal(size=(16, 1)) * 0.2)
    for _ in range(60):
        error = np.tanh(x @ w) @ v - y
        loss = np.mean(error**2)
        w.grad = v.grad = None
        loss.backward()
        w.value -= 0.1 * w.grad
        v.value -= 0.1 * v.grad
