"""Weights rounded down to eighths before use, so that the weights themselves get no gradient."""

import torch

torch.manual_seed(2)
w = (0.3 * torch.randn(6, 10)).requires_grad_()
v = (0.3 * torch.randn(10, 1)).requires_grad_()
x = torch.randn(200, 6)
y = torch.sin(x[:, :1])
for step in range(80):
    coarse = torch.floor(8 * w) / 8  # leak: BS303
    loss = ((torch.tanh(x @ coarse) @ v - y) ** 2).mean()
    w.grad = v.grad = None
    loss.backward()
    with torch.no_grad():
        w -= 0.1 * w.grad
        v -= 0.1 * v.grad
print(loss.item())
