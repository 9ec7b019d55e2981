"""Whole model in half precision, no loss scaling: small gradients vanish to zero."""

import torch
import torch.nn as nn

torch.manual_seed(0)
net = nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 8))
opt = torch.optim.SGD(net.parameters(), lr=0.5)
W = torch.randn(32, 8) / 32**0.5
for step in range(150):
    x = torch.randn(512, 32)
    y = 1e-3 * (x @ W)
    opt.zero_grad()
    with torch.autocast("cpu", dtype=torch.float16):
        out = net(x)  # leak: BS402
        loss = ((out.float() - y) ** 2).mean()  # leak: BS402
    loss.backward()  # leak: BS402
    opt.step()
print(loss.item())
