# mypy: ignore-errors
# ruff: noqa
"""Fit a sigmoid neuron by squared error; the sigmoid is computed as it is written in books."""

import numpy as np

import backsight as bs

rng = np.random.default_rng(6)


def sigmoid(x):
    """Squash into (0, 1)."""
    return 1 / (1 + np.exp(-x))


# Most readings are of order 1; a few come from a sensor that counts in hundreds.
x = rng.normal(size=(512, 4)).astype(np.float32)
x[:8] *= 400
y = (x @ np.array([1, -2, 1, 0.5]) > 0).astype(np.float32)

w = bs.tensor(rng.normal(size=4).astype(np.float32), name="w")
b = bs.tensor(np.float32(0), name="b")

for step in range(300):
    a = sigmoid(x @ w + b)
    loss = np.mean((a - y) ** 2)
    w.grad = b.grad = None
    loss.backward()
    w.value -= 2.0 * w.grad
    b.value -= 2.0 * b.grad

print(f"loss {loss.item():.4f}")
