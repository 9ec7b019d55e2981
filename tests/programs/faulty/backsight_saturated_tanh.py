"""A tanh layer that is fed inputs in the hundreds."""

import numpy as np

import backsight as bs

rng = np.random.default_rng(2)
x = 300 * rng.normal(size=(256, 8))
y = (x[:, :1] * x[:, 1:2] > 0).astype(float)
w, v = bs.tensor(rng.normal(size=(8, 24)) / 3), bs.tensor(rng.normal(size=(24, 1)) / 5)
for step in range(60):
    h = np.tanh(x @ w)  # leak: BS508
    loss = np.mean((h @ v - y) ** 2)
    w.grad = v.grad = None
    loss.backward()
    w.value -= 0.01 * w.grad
    v.value -= 0.01 * v.grad
print(loss.item())
