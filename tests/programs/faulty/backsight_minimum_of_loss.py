"""A loss capped by a minimum with a constant, element by element."""

import numpy as np

import backsight as bs

rng = np.random.default_rng(1)
x, y = rng.normal(size=(128, 4)), 5 + rng.normal(size=(128, 1))
w, b = bs.tensor(rng.normal(size=(4, 1)), name="w"), bs.tensor(np.zeros(1), name="b")
for step in range(100):
    loss = np.mean(np.minimum((x @ w + b - y) ** 2, 4.0))  # leak: BS301
    w.grad = b.grad = None
    loss.backward()
    w.value -= 0.05 * w.grad
    b.value -= 0.05 * b.grad
print(loss.item())
