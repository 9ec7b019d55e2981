"""Manual update that never clears .grad."""

import torch

torch.manual_seed(0)
w = torch.randn(6, requires_grad=True)  # leak: BS502
b = torch.zeros(1, requires_grad=True)
true = torch.randn(6)
for i in range(100):
    x = torch.randn(32, 6)
    loss = ((x @ w + b - x @ true) ** 2).mean()
    loss.backward()  # leak: BS502
    with torch.no_grad():
        w -= 0.01 * w.grad  # leak: BS502
        b -= 0.01 * b.grad
    if i % 20 == 0:
        print(i, loss.item())
