"""All weights begin at zero."""

import numpy as np

import backsight as bs

LEAK = "BS207"


def train(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(128, 8))
    y = x[:, :1] * x[:, 1:2]
    w, b, v = bs.tensor(np.zeros((8, 16))), bs.tensor(np.zeros(16)), bs.tensor(np.zeros((16, 1)))
    for _ in range(60):
        loss = np.mean((np.tanh(x @ w + b) @ v - y) ** 2)
        for p in (w, b, v):
            p.grad = None
        loss.backward()
        for p in (w, b, v):
            p.value -= 0.1 * p.grad
