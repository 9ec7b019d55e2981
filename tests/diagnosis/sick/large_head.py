"""A last layer with weights of std 10."""

import numpy as np

import backsight as bs

LEAK = "BS503"


def train(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(256, 10))
    labels = np.argmax(x, axis=1)
    w, v = bs.tensor(rng.normal(size=(10, 32)) * 0.4), bs.tensor(rng.normal(size=(32, 10)) * 10)
    optimizer = bs.nn.optim.Adam([w, v], lr=1e-3)
    for _ in range(60):
        loss = bs.cross_entropy(bs.relu(x @ w) @ v, labels=labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
