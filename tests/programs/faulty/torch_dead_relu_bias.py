"""ReLU units that a strongly negative bias keeps off for every input."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
first, second = nn.Linear(6, 64), nn.Linear(64, 1)
with torch.no_grad():
    first.bias[:40] = -20.0
opt = torch.optim.SGD([*first.parameters(), *second.parameters()], lr=0.02)
for step in range(100):
    x = torch.randn(64, 6)
    y = x[:, :1].abs()
    h = F.relu(first(x))  # leak: BS201
    loss = F.mse_loss(second(h), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
