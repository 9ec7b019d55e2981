"""Raw pixels, 0 to 255, into a sigmoid layer."""

import numpy as np

import backsight as bs

LEAK = "BS508"


def train(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 256, size=(256, 64)).astype(float)
    labels = rng.integers(0, 10, size=256)
    w, v = bs.tensor(rng.normal(size=(64, 32)) / 8), bs.tensor(rng.normal(size=(32, 10)) * 0.2)
    for _ in range(60):
        loss = bs.cross_entropy(bs.sigmoid(x @ w) @ v, labels=labels)
        w.grad = v.grad = None
        loss.backward()
        w.value -= 0.1 * w.grad
        v.value -= 0.1 * v.grad
