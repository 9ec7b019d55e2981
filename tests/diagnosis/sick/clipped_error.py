"""A squared error that is clipped instead of the gradient."""

import numpy as np

import backsight as bs

LEAK = "BS301"


def train(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(128, 6))
    y = x @ rng.normal(size=(6, 1)) * 20
    x, y = x.astype(np.float32), y.astype(np.float32)
    model = bs.nn.Sequential(bs.nn.Linear(6, 32, rng), bs.relu, bs.nn.Linear(32, 1, rng))
    optimizer = bs.nn.optim.Adam(model, lr=1e-3)
    for _ in range(60):
        delta = model(x) - y
        loss = np.mean(np.clip(delta, -1, 1) ** 2)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
