"""Logistic regression written with NumPy calls on Tensors, updated by hand."""

import numpy as np

import backsight as bs

rng = np.random.default_rng(0)
X = rng.standard_normal((300, 8))
truth = rng.standard_normal(8)
y = (X @ truth > 0).astype(float)
w, b = np.zeros(8), 0.0
start = None
for i in range(200):
    W, B = bs.tensor(w, name="w"), bs.tensor(b, name="b")
    p = bs.sigmoid(X @ W + B)
    loss = -np.mean(y * np.log(p + 1e-9) + (1 - y) * np.log(1 - p + 1e-9))
    loss.backward()
    w, b = w - 1.0 * W.grad, b - 1.0 * B.grad
    start = start or float(loss.value)
print(start, float(loss.value))
assert float(loss.value) < 0.4 * start
