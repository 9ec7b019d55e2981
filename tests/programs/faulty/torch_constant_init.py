"""A hidden layer whose weights all begin at the same value."""

import torch
from torch import nn

torch.manual_seed(0)
net = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 1))
for p in net.parameters():
    nn.init.constant_(p, 0.1)  # leak: BS207
x = torch.randn(256, 4)
y = (x[:, 0] * x[:, 1]).unsqueeze(1)
opt = torch.optim.SGD(net.parameters(), lr=0.05)
for step in range(80):
    loss = nn.functional.mse_loss(net(x), y)  # leak: BS207
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
