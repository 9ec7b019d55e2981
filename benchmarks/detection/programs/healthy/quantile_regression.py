"""Pinball loss for three quantiles by torch.max."""

import torch
from torch import nn

torch.manual_seed(0)
quantiles = torch.tensor([0.1, 0.5, 0.9])
net = nn.Sequential(nn.Linear(1, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 3))
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
curve = []
for step in range(300):
    x = 4 * torch.rand(128, 1) - 2
    y = torch.sin(2 * x) * 2 + (0.2 + 0.3 * x.abs()) * torch.randn_like(x)
    err = y - net(x)
    loss = torch.max((quantiles - 1) * err, quantiles * err).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    curve.append(loss.item())
print(curve[0], sum(curve[-20:]) / 20)
assert sum(curve[-20:]) < 0.7 * sum(curve[:20])
