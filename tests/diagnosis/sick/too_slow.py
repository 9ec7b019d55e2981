"""A learning rate of 1e-7."""

import numpy as np

import backsight as bs

LEAK = "BS507"


def train(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(128, 6)).astype(np.float32)
    labels = (x[:, 0] > 0).astype(int)
    model = bs.nn.Sequential(bs.nn.Linear(6, 32, rng), bs.nn.Tanh(), bs.nn.Linear(32, 2, rng))
    optimizer = bs.nn.optim.SGD(model, lr=1e-7)
    for _ in range(100):
        loss = bs.cross_entropy(model(x), labels=labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
