"""A table with missing values that nobody filled in."""

import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(200, 5)
x[17, 3] = float("nan")
y = x[:, :1] * 2
model = nn.Sequential(nn.Linear(5, 16), nn.ReLU(), nn.Linear(16, 1))
opt = torch.optim.Adam(model.parameters(), lr=1e-2)
for step in range(30):
    loss = nn.functional.mse_loss(model(x), y)  # leak: BS401
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
