"""A ReLU network with He's start on ten classes, Adam, minibatches."""

import numpy as np

import backsight as bs


def train(seed: int) -> None:
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(10, 20)) * 1.5
    labels = rng.integers(0, 10, size=512)
    x = (centres[labels] + rng.normal(size=(512, 20))).astype(np.float32)
    x = (x - x.mean(0)) / x.std(0)
    model = bs.nn.Sequential(
        bs.nn.Linear(20, 64, rng),
        bs.relu,
        bs.nn.Linear(64, 64, rng),
        bs.relu,
        bs.nn.Linear(64, 10, rng, start=bs.nn.init.xavier_normal),
    )
    optimizer = bs.nn.optim.Adam(model, lr=1e-3)
    for _ in range(100):
        batch = rng.integers(0, 512, size=64)
        loss = bs.cross_entropy(model(x[batch]), labels=labels[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
