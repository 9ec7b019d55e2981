"""A cross-entropy written by hand, with probabilities kept away from 0 before the logarithm."""

import numpy as np

import backsight as bs

rng = np.random.default_rng(6)
x = rng.normal(size=(256, 5))
y = (x @ rng.normal(size=5) + 0.3 * rng.normal(size=256) > 0).astype(float)
w = bs.tensor(0.1 * rng.normal(size=5), name="w")
for step in range(150):
    p = np.clip(bs.sigmoid(x @ w), 1e-7, 1 - 1e-7)
    loss = -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))
    w.grad = None
    loss.backward()
    w.value -= 0.5 * w.grad
print(loss.item())
