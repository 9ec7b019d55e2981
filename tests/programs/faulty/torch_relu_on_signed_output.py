"""A regression network that ends in a ReLU though half of its targets are negative."""

import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 32), nn.Tanh(), nn.Linear(32, 1), nn.ReLU())
opt = torch.optim.Adam(model.parameters(), lr=1e-2)
x = torch.randn(256, 4)
y = x[:, :1] - x[:, 1:2]
for step in range(80):
    loss = nn.functional.mse_loss(model(x), y)  # leak: BS309
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
