"""A sigmoid network whose weights are drawn with std 5."""

import numpy as np

import backsight as bs

LEAK = "BS205"


def train(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(256, 10))
    y = (x[:, :1] > 0).astype(float)
    w, v = bs.tensor(rng.normal(size=(10, 32)) * 5), bs.tensor(rng.normal(size=(32, 1)) * 0.3)
    for _ in range(60):
        loss = bs.bce_with_logits(bs.sigmoid(x @ w) @ v, y)
        w.grad = v.grad = None
        loss.backward()
        w.value -= 0.5 * w.grad
        v.value -= 0.5 * v.grad
