"""Plain gradient descent whose every gradient is clipped to a thousandth."""

import torch
from torch import nn


def batches(n):
    for _ in range(n):
        x = torch.randn(64, 10)
        yield x, x @ torch.linspace(-1, 1, 10).unsqueeze(1)


torch.manual_seed(0)
net = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 1))
opt = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)  # leak: BS505
for x, y in batches(100):
    opt.zero_grad()
    loss = ((net(x) - y) ** 2).mean()
    loss.backward()
    nn.utils.clip_grad_norm_(net.parameters(), max_norm=1e-3)
    opt.step()
print(loss.item())
