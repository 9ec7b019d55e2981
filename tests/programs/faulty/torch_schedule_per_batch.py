"""A schedule meant for epochs is stepped at every batch: after two epochs nothing is learned."""

import torch
from torch import nn
from torch.optim.lr_scheduler import StepLR

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(8, 64), nn.Tanh(), nn.Linear(64, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
scheduler = StepLR(optimizer, step_size=5, gamma=0.2)  # leak: BS507
x = torch.randn(320, 8)
y = torch.sin(x.sum(1, keepdim=True))
for epoch in range(10):
    for i in range(0, 320, 32):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(x[i : i + 32]), y[i : i + 32])
        loss.backward()
        optimizer.step()
        scheduler.step()
    print(epoch, loss.item())
