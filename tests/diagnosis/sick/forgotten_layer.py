"""An optimiser that was not given the first layer."""

import numpy as np

import backsight as bs

LEAK = "BS306"


def train(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(128, 6))
    labels = (x[:, 0] * x[:, 1] > 0).astype(int)
    first, last = bs.nn.Linear(6, 32, rng), bs.nn.Linear(32, 2, rng)
    optimizer = bs.nn.optim.Adam(last, lr=1e-3)
    for _ in range(60):
        loss = bs.cross_entropy(last(bs.relu(first(x.astype(np.float32)))), labels=labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
