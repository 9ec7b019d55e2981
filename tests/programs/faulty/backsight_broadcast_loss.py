"""Predictions (N, 1) minus targets (N,): an N by N matrix of errors."""

import numpy as np

import backsight as bs

rng = np.random.default_rng(8)
x = rng.normal(size=(64, 3))
y = 2 * x[:, 0]
w = bs.tensor(rng.normal(size=(3, 1)), name="w")
for step in range(60):
    loss = bs.squared_error(x @ w, y)  # leak: BS308
    w.grad = None
    loss.backward()
    w.value -= 0.1 * w.grad
print(loss.item())
