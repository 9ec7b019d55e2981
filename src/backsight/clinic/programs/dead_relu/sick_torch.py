# mypy: ignore-errors
# ruff: noqa
"""Fit a wave with a ReLU network, at a learning rate that kills its units."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(2)


class Net(nn.Module):
    """Two ReLU layers and a linear output."""

    def __init__(self, hidden=64):
        super().__init__()
        self.first = nn.Linear(2, hidden)
        self.second = nn.Linear(hidden, hidden)
        self.out = nn.Linear(hidden, 1)
        for layer in (self.first, self.second, self.out):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)

    def forward(self, x):
        h = F.relu(self.first(x))
        h = F.relu(self.second(h))
        return self.out(h)


x = 4 * torch.rand(1024, 2) - 2
y = torch.sin(2 * x[:, :1]) + x[:, 1:] ** 2

model = Net()
optimizer = torch.optim.Adam(model.parameters(), lr=1.0)

for epoch in range(30):
    for rows in torch.randperm(len(x)).split(64):
        loss = F.mse_loss(model(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

with torch.no_grad():
    print(f"loss {F.mse_loss(model(x), y).item():.4f}")
