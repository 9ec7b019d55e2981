"""A cross-entropy by hand with log(0)."""

import numpy as np

import backsight as bs

LEAK = "BS401"


def train(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = np.abs(rng.normal(size=(128, 6))) * 30
    y = (x[:, :1] > 20).astype(np.float32)
    w = bs.tensor(rng.normal(size=(6, 1)).astype(np.float32) * 3, name="w")
    x = x.astype(np.float32)
    with np.errstate(all="ignore"):
        for _ in range(30):
            p = 1 / (1 + np.exp(-(x @ w)))
            loss = -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))
            w.grad = None
            loss.backward()
            w.value -= 0.1 * w.grad
