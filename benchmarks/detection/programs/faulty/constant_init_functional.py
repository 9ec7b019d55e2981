"""Weights from torch.ones * 0.1 in a functional net."""

import torch
import torch.nn.functional as F

torch.manual_seed(0)
W1 = (torch.ones(6, 24) * 0.1).requires_grad_()  # leak: BS207
b1 = torch.zeros(24, requires_grad=True)
W2 = (torch.ones(24, 1) * 0.1).requires_grad_()
optimizer = torch.optim.Adam([W1, b1, W2], lr=1e-2)
target = torch.randn(6)
for epoch in range(150):
    x = torch.randn(64, 6)
    h = F.softplus(x @ W1 + b1)
    loss = F.mse_loss((h @ W2).squeeze(1), torch.sin(x @ target))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print(loss.item())
