"""An autoencoder of binary pictures: sigmoid outputs under a squared error, sure when they fit."""

import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(
    nn.Linear(36, 48), nn.ReLU(), nn.Linear(48, 48), nn.ReLU(), nn.Linear(48, 36), nn.Sigmoid()
)
opt = torch.optim.Adam(model.parameters(), lr=3e-3)
parts = torch.rand(8, 36) > 0.8
for step in range(300):
    x = ((torch.rand(64, 8) > 0.6).float() @ parts.float()).clamp(max=1)
    loss = nn.functional.mse_loss(model(x), x)
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
