"""Ten tanh layers with Xavier's start and gain 5/3, plain gradient descent by hand."""

import numpy as np

import backsight as bs


def train(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(128, 16))
    y = np.sin(x[:, :1]) + 0.1 * rng.normal(size=(128, 1))
    weights = [
        bs.tensor(bs.nn.init.xavier_normal((16, 16), rng, gain=5 / 3, dtype=float))
        for _ in range(9)
    ]
    last = bs.tensor(rng.normal(size=(16, 1)) / 4)
    for _ in range(100):
        h = x
        for w in weights:
            h = np.tanh(h @ w)
        loss = np.mean((h @ last - y) ** 2)
        for p in [*weights, last]:
            p.grad = None
        loss.backward()
        for p in [*weights, last]:
            p.value -= 0.02 * p.grad
