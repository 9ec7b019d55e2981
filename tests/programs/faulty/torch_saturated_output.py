"""A sigmoid output under a squared error, its last layer so large that it is always 0 or 1."""

import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 1), nn.Sigmoid())  # leak: BS205
with torch.no_grad():
    model[2].weight.mul_(100)
opt = torch.optim.SGD(model.parameters(), lr=0.01)
x = torch.randn(256, 6)
y = torch.sigmoid(x[:, :1] - x[:, 1:2])
for step in range(60):
    loss = ((model(x) - y) ** 2).mean()  # leak: BS205
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
