"""Gradients added up over four small batches before each update."""

import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 3))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
x = torch.randn(512, 8)
y = x[:, :3].argmax(1)
every = 4
for epoch in range(8):
    for i, rows in enumerate(torch.randperm(512).split(16)):
        loss = nn.functional.cross_entropy(model(x[rows]), y[rows]) / every
        loss.backward()
        if (i + 1) % every == 0:
            optimizer.step()
            optimizer.zero_grad()
print(loss.item() * every)
