"""A network left in eval mode after validation: batch norm and dropout no longer do their part."""

import torch
from torch import nn

torch.manual_seed(0)
net = nn.Sequential(
    nn.Linear(6, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.3), nn.Linear(32, 2)
)
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
x = torch.randn(256, 6)
y = (x[:, 0] > 0).long()
for epoch in range(40):
    loss = nn.functional.cross_entropy(net(x), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
    net.eval()  # leak: BS509
    with torch.no_grad():
        accuracy = (net(x).argmax(1) == y).float().mean()
print(accuracy.item())
