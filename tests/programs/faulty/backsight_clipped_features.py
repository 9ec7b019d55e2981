"""Features clipped to [0, 1] while a large bias keeps most of them above."""

import numpy as np

import backsight as bs

rng = np.random.default_rng(5)
w, b = bs.tensor(rng.normal(size=(6, 30)) * 0.3), bs.tensor(np.linspace(-1.0, 9.0, 30))
v = bs.tensor(rng.normal(size=(30, 1)) * 0.2)
for step in range(80):
    x = rng.normal(size=(64, 6))
    h = np.clip(x @ w + b, 0.0, 1.0)  # leak: BS302
    loss = np.mean((h @ v - x[:, :1]) ** 2)
    for p in (w, b, v):
        p.grad = None
    loss.backward()
    for p in (w, b, v):
        p.value -= 0.02 * p.grad
print(loss.item())
