# mypy: ignore-errors
# ruff: noqa
"""Tell two rings apart with eight tanh layers."""

import math

import torch
from torch import nn

torch.manual_seed(3)

angle = 2 * math.pi * torch.rand(512)
labels = torch.randint(2, (512,))
radius = 0.5 + labels + 0.1 * torch.randn(512)
x = torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1)


class Deep(nn.Module):
    """As many layers as asked for, and a head."""

    def __init__(self, depth=8, width=32):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(width if i else 2, width) for i in range(depth))
        self.head = nn.Linear(width, 2)

    def forward(self, x):
        for layer in self.layers:
            x = torch.tanh(layer(x))
        return self.head(x)


model = Deep()
for layer in model.layers:
    nn.init.xavier_normal_(layer.weight, gain=5 / 3)
    nn.init.zeros_(layer.bias)
optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
criterion = nn.CrossEntropyLoss()
for epoch in range(150):
    loss = criterion(model(x), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

print(f"loss {loss.item():.4f}")
