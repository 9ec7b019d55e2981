# mypy: ignore-errors
# ruff: noqa
"""Tell the inner from the outer ring, with two sigmoid layers of weights of a size that suits their inputs."""

import math

import torch
from torch import nn

torch.manual_seed(0)

angle = 2 * math.pi * torch.rand(512)
labels = torch.randint(2, (512,)).float()
radius = 0.5 + labels + 0.1 * torch.randn(512)
x = torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1)

model = nn.Sequential(
    nn.Linear(2, 32),
    nn.Sigmoid(),
    nn.Linear(32, 32),
    nn.Sigmoid(),
    nn.Linear(32, 1),
)
for layer in (model[0], model[2]):
    nn.init.xavier_normal_(layer.weight)
    nn.init.zeros_(layer.bias)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)

for epoch in range(200):
    loss = nn.functional.binary_cross_entropy_with_logits(model(x).squeeze(1), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

print(f"loss {loss.item():.4f}")
