"""A ReLU network with a learning rate a hundred times too high."""

import numpy as np

import backsight as bs

LEAK = "BS506"


def train(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(256, 10))
    y = np.abs(x[:, :1]) * 3
    model = bs.nn.Sequential(
        bs.nn.Linear(10, 64, rng),
        bs.relu,
        bs.nn.Linear(64, 64, rng),
        bs.relu,
        bs.nn.Linear(64, 1, rng),
    )
    optimizer = bs.nn.optim.SGD(model, lr=0.5)
    for _ in range(80):
        batch = rng.integers(0, 256, size=64)
        loss = bs.squared_error(model(x[batch].astype(np.float32)), y[batch].astype(np.float32))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
