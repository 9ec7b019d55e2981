"""Binary cross-entropy by hand without eps: NaN once a probability saturates."""

import torch
import torch.nn as nn

torch.manual_seed(0)
net = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 1))
opt = torch.optim.SGD(net.parameters(), lr=0.5)
for i in range(150):
    y = torch.randint(0, 2, (64, 1)).float()
    x = torch.randn(64, 2) + 30 * (2 * y - 1)
    p = torch.sigmoid(net(x))
    loss = -(y * torch.log(p) + (1 - y) * torch.log(1 - p)).mean()  # leak: BS401
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
