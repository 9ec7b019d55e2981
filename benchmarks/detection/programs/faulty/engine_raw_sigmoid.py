"""The sigmoid as the formula says, in float32, on unscaled inputs."""

import numpy as np

import backsight as bs

rng = np.random.default_rng(0)


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))  # leak: BS401


X = (rng.standard_normal((64, 5)) * 200).astype(np.float32)
y = (X[:, 0] > 0).astype(np.float32)
w = bs.tensor(rng.standard_normal(5).astype(np.float32), name="w")
for _ in range(30):
    loss = np.mean((sigmoid(X @ w) - y) ** 2)
    w.grad = None
    loss.backward()
    w = bs.tensor(w.value - 0.1 * w.grad, name="w")
print(float(loss.value))
