"""Euclidean distance by sqrt: the gradient at equal points is infinite."""

import torch
import torch.nn as nn

torch.manual_seed(0)
embed = nn.Linear(6, 4)
opt = torch.optim.Adam(embed.parameters(), lr=1e-3)
for step in range(60):
    a = torch.randn(32, 6)
    b = torch.randn(32, 6)
    if step >= 20:
        b[0] = a[0]
    diff = embed(a) - embed(b)
    dist = torch.sqrt((diff**2).sum(1))  # leak: BS401
    loss = (dist - (a - b).norm(dim=1)).pow(2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
