"""Dropout after ReLU, squared error of standardised targets."""

import numpy as np

import backsight as bs


def train(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(256, 12))
    y = np.abs(x[:, :1]) + x[:, 1:2]
    y = (y - y.mean()) / y.std()
    first = bs.nn.Linear(12, 48, rng, dtype=float)
    second = bs.nn.Linear(48, 48, rng, dtype=float)
    last = bs.nn.Linear(48, 1, rng, start=bs.nn.init.xavier_uniform, dtype=float)
    optimizer = bs.nn.optim.Adam([first.w, first.b, second.w, second.b, last.w, last.b], lr=2e-3)
    for _ in range(120):
        batch = rng.integers(0, 256, size=64)
        h = bs.relu(first(x[batch]))
        h = h * ((rng.random(h.shape) > 0.5) / 0.5)
        h = bs.relu(second(h))
        h = h * ((rng.random(h.shape) > 0.5) / 0.5)
        loss = np.mean((last(h) - y[batch]) ** 2)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
