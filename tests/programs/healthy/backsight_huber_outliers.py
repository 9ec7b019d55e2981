"""Regression with outliers under the Huber loss."""

import numpy as np

import backsight as bs

rng = np.random.default_rng(2)
x = rng.normal(size=(256, 5))
y = x @ rng.normal(size=(5, 1)) + np.where(rng.random((256, 1)) < 0.1, 30.0, 0.0)
w = bs.tensor(rng.normal(size=(5, 1)), name="w")
for step in range(200):
    loss = np.mean(bs.huber(x @ w - y, delta=1.0))
    w.grad = None
    loss.backward()
    w.value -= 0.5 * w.grad
print(loss.item())
