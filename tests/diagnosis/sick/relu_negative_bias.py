"""Biases that begin far below zero."""

import numpy as np

import backsight as bs

LEAK = "BS201"


def train(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(256, 10))
    y = np.abs(x[:, :1])
    w = bs.tensor(rng.normal(size=(10, 64)) * np.sqrt(2 / 10), name="w")
    b = bs.tensor(rng.normal(size=64) * 8 - 6, name="b")
    v = bs.tensor(rng.normal(size=(64, 1)) / 30, name="v")
    optimizer = bs.nn.optim.Adam([w, b, v], lr=1e-3)
    for _ in range(80):
        batch = rng.integers(0, 256, size=64)
        loss = np.mean((np.maximum(x[batch] @ w + b, 0) @ v - y[batch]) ** 2)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
