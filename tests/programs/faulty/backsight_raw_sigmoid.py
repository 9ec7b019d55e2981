"""A sigmoid as in the books, 1 / (1 + exp(-x)), at -400 in float32."""

import numpy as np

import backsight as bs

np.seterr(all="ignore")
rng = np.random.default_rng(4)
x = (100 * rng.normal(size=(64, 4))).astype(np.float32)
y = (x[:, 0] > 0).astype(np.float32)
w = bs.tensor(rng.normal(size=4).astype(np.float32), name="w")
for step in range(30):
    a = 1 / (1 + np.exp(-(x @ w)))  # leak: BS401
    loss = np.mean((a - y) ** 2)
    w.grad = None
    loss.backward()
    w.value -= 0.1 * w.grad
print(loss.item())
