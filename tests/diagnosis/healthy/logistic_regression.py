"""Logistic regression from zero, full batch, until it has converged."""

import numpy as np

import backsight as bs


def train(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(200, 5))
    y = (x @ rng.normal(size=(5, 1)) + rng.normal(size=(200, 1)) > 0).astype(float)
    w, b = bs.tensor(np.zeros((5, 1)), name="w"), bs.tensor(np.zeros(1), name="b")
    for _ in range(150):
        loss = bs.bce_with_logits(x @ w + b, y)
        w.grad = b.grad = None
        loss.backward()
        w.value -= 1.0 * w.grad
        b.value -= 1.0 * b.grad
