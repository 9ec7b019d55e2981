"""Three quantiles at once: predictions (N, 3) against targets (N, 1), stretched on purpose."""

import torch
from torch import nn

torch.manual_seed(0)
net = nn.Sequential(nn.Linear(2, 48), nn.SiLU(), nn.Linear(48, 3))
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
levels = torch.tensor([0.1, 0.5, 0.9])
for step in range(200):
    x = torch.rand(128, 2)
    y = torch.sin(4 * x[:, :1]) + 0.3 * torch.randn(128, 1)
    error = y - net(x)
    loss = torch.maximum(levels * error, (levels - 1) * error).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
