# mypy: ignore-errors
# ruff: noqa
"""Fit a sigmoid neuron by squared error; the sigmoid is computed as it is written in books."""

import torch

torch.manual_seed(6)


def sigmoid(x):
    """Squash into (0, 1)."""
    return 1 / (1 + torch.exp(-x))


# Most readings are of order 1; a few come from a sensor that counts in hundreds.
x = torch.randn(512, 4)
x[:8] *= 400
y = (x @ torch.tensor([1, -2, 1, 0.5]) > 0).float()

w = torch.randn(4, requires_grad=True)
b = torch.zeros((), requires_grad=True)

for step in range(300):
    a = sigmoid(x @ w + b)
    loss = torch.mean((a - y) ** 2)
    loss.backward()
    with torch.no_grad():
        w -= 2.0 * w.grad
        b -= 2.0 * b.grad
    w.grad = b.grad = None

print(f"loss {loss.item():.4f}")
