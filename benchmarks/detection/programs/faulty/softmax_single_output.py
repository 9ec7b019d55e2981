"""softmax over one output unit: always 1, no gradient at all."""

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)
net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
opt = torch.optim.Adam(net.parameters(), lr=1e-2)
w = torch.randn(8)
for i in range(100):
    x = torch.randn(64, 8)
    y = (x @ w > 0).float().unsqueeze(1)
    p = F.softmax(net(x), dim=1)  # leak: BS309
    loss = F.binary_cross_entropy(p, y)  # leak: BS309
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
