"""Transfer learning: a frozen backbone in eval mode and a head that learns."""

import torch
from torch import nn

torch.manual_seed(0)
backbone = nn.Sequential(
    nn.Linear(10, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU()
)
for p in backbone.parameters():
    p.requires_grad = False
backbone.eval()
head = nn.Linear(32, 3)

x = torch.randn(300, 10)
y = x[:, :3].argmax(1)
opt = torch.optim.Adam((p for p in head.parameters() if p.requires_grad), lr=1e-2)
for epoch in range(100):
    opt.zero_grad()
    loss = nn.functional.cross_entropy(head(backbone(x)), y)
    loss.backward()
    opt.step()
print(loss.item())
