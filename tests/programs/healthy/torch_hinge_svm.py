"""A linear support vector machine: most elements of the hinge get no gradient, as they should."""

import torch

torch.manual_seed(0)
x = torch.randn(400, 5)
y = torch.where(x @ torch.tensor([1.0, -2.0, 0.5, 0.0, 1.0]) > 0, 1.0, -1.0)
w = torch.zeros(5, requires_grad=True)
b = torch.zeros(1, requires_grad=True)
optimizer = torch.optim.SGD([w, b], lr=0.1)
for step in range(200):
    margin = y * (x @ w + b)
    loss = torch.clamp(1 - margin, min=0).mean() + 1e-3 * w.square().sum()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print(loss.item())
