"""Adam at a learning rate of 1e-6: the loss falls in a straight line, and hardly."""

import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 32), nn.Tanh(), nn.Linear(32, 1))
opt = torch.optim.Adam(model.parameters(), lr=1e-6)  # leak: BS507
x = torch.randn(256, 4)
y = x[:, :1] * 3
for step in range(150):
    loss = nn.functional.mse_loss(model(x), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
