"""Distances from the centre by a plain root, which has no derivative at the centre itself."""

import torch
from torch import nn


class Radial(nn.Module):
    def __init__(self):
        super().__init__()
        self.centre = nn.Parameter(torch.zeros(2))
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, x):
        offset = x - self.centre
        distance = torch.sqrt((offset**2).sum(-1))  # leak: BS401
        return torch.exp(-distance * self.scale)


torch.manual_seed(0)
model = Radial()
opt = torch.optim.Adam(model.parameters(), 1e-2)
points = torch.randn(100, 2)
points[17] = 0.0
values = torch.rand(100)
for _ in range(30):
    loss = nn.functional.mse_loss(model(points), values)
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
