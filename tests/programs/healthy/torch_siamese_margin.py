"""A contrastive loss with a margin: pairs that are far enough apart get no gradient."""

import torch
from torch import nn

torch.manual_seed(0)
net = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 4))
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
centres = torch.randn(5, 6) * 2
for step in range(120):
    a, b = torch.randint(5, (64,)), torch.randint(5, (64,))
    za, zb = (net(centres[i] + 0.3 * torch.randn(64, 6)) for i in (a, b))
    distance = (za - zb).pow(2).sum(1).add(1e-8).sqrt()
    same = (a == b).float()
    apart = (1.0 - distance).clamp(min=0)
    loss = (same * distance.pow(2) + (1 - same) * apart.pow(2)).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
