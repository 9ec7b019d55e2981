"""A linear classifier with the hinge loss, its gradient zero for all that is clearly right."""

import numpy as np

import backsight as bs

rng = np.random.default_rng(4)
x = rng.normal(size=(300, 4))
y = np.sign(x @ np.array([1.0, -1.0, 2.0, 0.5]))
w = bs.tensor(0.1 * rng.normal(size=4), name="w")
for step in range(200):
    loss = np.mean(np.maximum(1 - y * (x @ w), 0)) + 1e-3 * np.sum(w * w)
    w.grad = None
    loss.backward()
    w.value -= 0.1 * w.grad
print(loss.item())
