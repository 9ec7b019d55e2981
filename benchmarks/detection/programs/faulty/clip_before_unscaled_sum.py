"""Sum instead of mean in the loss, then clipped to 1: every step is clipped a hundredfold."""

import torch
import torch.nn as nn

torch.manual_seed(0)
net = nn.Sequential(nn.Linear(8, 64), nn.Tanh(), nn.Linear(64, 8))
opt = torch.optim.SGD(net.parameters(), lr=1e-3, momentum=0.9)  # leak: BS505
A = torch.randn(8, 8)
for it in range(200):
    x = torch.randn(256, 8)
    loss = ((net(x) - x @ A) ** 2).sum()
    opt.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(net.parameters(), max_norm=1.0)  # leak: BS505
    opt.step()
print(loss.item())
