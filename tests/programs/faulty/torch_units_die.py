"""A ReLU network whose learning rate is a thousand times too high."""

import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(
    nn.Linear(2, 64),
    nn.ReLU(),
    nn.Linear(64, 64),
    nn.ReLU(),
    nn.Linear(64, 1),
)
x = 4 * torch.rand(512, 2) - 2
y = torch.sin(2 * x[:, :1]) + x[:, 1:] ** 2
opt = torch.optim.Adam(model.parameters(), lr=1.0)
for epoch in range(15):
    for rows in torch.randperm(512).split(64):
        loss = nn.functional.mse_loss(model(x[rows]), y[rows])  # leak: BS203
        opt.zero_grad()
        loss.backward()
        opt.step()
print(loss.item())
