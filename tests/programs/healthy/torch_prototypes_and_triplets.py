"""Embeddings learned with triplets, contrasts and distances to fixed prototypes."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
net = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 4))
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
centres, prototypes = 2 * torch.randn(4, 10), 2 * torch.eye(4)
for step in range(150):
    y = torch.randint(0, 4, (64,))
    one, two = (net(centres[y] + torch.randn(64, 10)) for _ in range(2))
    other = net(centres[(y + 1) % 4] + torch.randn(64, 10))
    triplets = F.triplet_margin_loss(one, two, other)
    alike = F.normalize(one, dim=1) @ F.normalize(two, dim=1).T
    contrast = F.cross_entropy(alike / 0.2, torch.arange(64))
    distances = ((one[:, None, :] - prototypes) ** 2).sum(-1)
    loss = triplets + 0.1 * contrast + F.cross_entropy(-distances, y)
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
