"""A sigmoid output for targets from -3 to 3."""

import numpy as np

import backsight as bs

LEAK = "BS309"


def train(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(128, 6))
    y = x[:, :1] + 0.1 * rng.normal(size=(128, 1))
    w, v = bs.tensor(rng.normal(size=(6, 16)) * 0.5), bs.tensor(rng.normal(size=(16, 1)) * 0.2)
    for _ in range(60):
        out = bs.sigmoid(np.tanh(x @ w) @ v)
        loss = np.mean((out - y) ** 2)
        w.grad = v.grad = None
        loss.backward()
        w.value -= 0.1 * w.grad
        v.value -= 0.1 * v.grad
