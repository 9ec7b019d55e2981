"""An optimiser that was given the body of a network and not its head."""

import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(5, 32), nn.ReLU(), nn.Linear(32, 2))  # leak: BS306
opt = torch.optim.SGD(model[0].parameters(), lr=0.05)  # leak: BS306
x = torch.randn(256, 5)
y = (x[:, 0] > x[:, 1]).long()
for step in range(80):
    loss = nn.functional.cross_entropy(model(x), y)  # leak: BS306
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
