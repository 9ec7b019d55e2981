"""A linear fit whose error is clipped before it is squared, with updates by hand."""

import numpy as np

import backsight as bs

rng = np.random.default_rng(0)
x, y = rng.normal(size=(128, 4)), 20 * rng.normal(size=(128, 1))
w = bs.tensor(rng.normal(size=(4, 1)), name="w")
for step in range(100):
    error = x @ w - y
    loss = np.mean(np.square(np.clip(error, -1, 1)))  # leak: BS301
    w.grad = None
    loss.backward()
    w.value -= 0.1 * w.grad
print(loss.item())
