"""A NaN in one column of the data."""

import numpy as np

import backsight as bs

LEAK = "BS401"


def train(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(128, 6))
    x[17, 3] = np.nan
    y = rng.normal(size=(128, 1))
    w = bs.tensor(np.zeros((6, 1)), name="w")
    with np.errstate(all="ignore"):
        for _ in range(30):
            loss = np.mean((x @ w - y) ** 2)
            w.grad = None
            loss.backward()
            w.value -= 0.1 * w.grad
