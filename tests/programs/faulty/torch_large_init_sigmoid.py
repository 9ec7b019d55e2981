"""A sigmoid network whose weights are drawn with a standard deviation of 10."""

import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(256, 10)
y = (x[:, 0] * x[:, 1] > 0).float().unsqueeze(1)
hidden, out = nn.Linear(10, 64), nn.Linear(64, 1)
nn.init.normal_(hidden.weight, std=10.0)
opt = torch.optim.SGD([*hidden.parameters(), *out.parameters()], lr=0.1)
for step in range(100):
    h = torch.sigmoid(hidden(x))  # leak: BS205
    loss = nn.functional.binary_cross_entropy_with_logits(out(h), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
