"""Last layer scaled up: the first cross-entropy is many times ln C."""

import torch
import torch.nn as nn

torch.manual_seed(0)
net = nn.Sequential(nn.Linear(20, 100), nn.ReLU(), nn.Linear(100, 10))
with torch.no_grad():
    net[2].weight *= 60  # leak: BS503
opt = torch.optim.Adam(net.parameters(), lr=1e-3)
W = torch.randn(20, 10)
for i in range(120):
    x = torch.randn(64, 20)
    loss = nn.functional.cross_entropy(net(x), (x @ W).argmax(1))  # leak: BS503
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
