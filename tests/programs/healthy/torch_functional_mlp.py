"""A regression with bare tensors and functional calls, no module and no optimiser object."""

import torch

torch.manual_seed(0)
x = torch.randn(256, 3)
y = torch.sin(x.sum(dim=1, keepdim=True))

w1 = (torch.randn(3, 32) * (2 / 3) ** 0.5).requires_grad_()
b1 = torch.zeros(32, requires_grad=True)
w2 = (torch.randn(32, 1) / 32**0.5).requires_grad_()
b2 = torch.zeros(1, requires_grad=True)
params = [w1, b1, w2, b2]

for step in range(150):
    pred = torch.relu(x @ w1 + b1) @ w2 + b2
    loss = ((pred - y) ** 2).mean()
    grads = torch.autograd.grad(loss, params)
    with torch.no_grad():
        for p, g in zip(params, grads):
            p -= 0.05 * g
print(loss.item())
