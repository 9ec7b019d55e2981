"""Predictions of shape (N, 1) against targets of shape (N,): the loss compares all with all."""

import warnings

import torch
from torch import nn

warnings.filterwarnings("ignore")
torch.manual_seed(0)
model = nn.Sequential(nn.Linear(3, 32), nn.ReLU(), nn.Linear(32, 1))
opt = torch.optim.Adam(model.parameters(), lr=1e-2)
x = torch.randn(128, 3)
y = 2 * x[:, 0]
for step in range(80):
    loss = nn.functional.mse_loss(model(x), y)  # leak: BS308
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
