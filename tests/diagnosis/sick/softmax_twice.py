"""Probabilities into a cross-entropy that applies softmax itself."""

import numpy as np

import backsight as bs

LEAK = "BS307"


def train(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(256, 10))
    labels = np.argmax(x[:, :3], axis=1)
    model = bs.nn.Sequential(
        bs.nn.Linear(10, 32, rng), bs.relu, bs.nn.Linear(32, 3, rng), bs.softmax
    )
    optimizer = bs.nn.optim.Adam(model, lr=1e-3)
    for _ in range(60):
        loss = bs.cross_entropy(model(x.astype(np.float32)), labels=labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
