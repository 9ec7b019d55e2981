"""A binary autoencoder with a straight-through estimator: sign forward, identity backward."""

import torch
from torch import nn

torch.manual_seed(0)


class Binary(nn.Module):
    def forward(self, x):
        hard = torch.sign(x)
        return x + (hard - x).detach()


model = nn.Sequential(nn.Linear(16, 24), nn.Tanh(), Binary(), nn.Linear(24, 16))
opt = torch.optim.Adam(model.parameters(), lr=3e-3)
basis = torch.randn(4, 16)
for step in range(150):
    x = torch.randn(64, 4) @ basis / 2
    loss = (model(x) - x).pow(2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
