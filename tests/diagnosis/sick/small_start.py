"""A deep ReLU network whose weights are drawn with std 0.01."""

import numpy as np

import backsight as bs

LEAK = "BS206"


def train(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(128, 32))
    labels = rng.integers(0, 4, size=128)
    weights = [bs.tensor(rng.normal(size=(32, 32)) * 0.01) for _ in range(5)]
    head = bs.tensor(rng.normal(size=(32, 4)) * 0.01)
    optimizer = bs.nn.optim.SGD([*weights, head], lr=0.1)
    for _ in range(60):
        h = x
        for w in weights:
            h = bs.relu(h @ w)
        loss = bs.cross_entropy(h @ head, labels=labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
