"""One corrupt batch in the stream: a gradient a thousand times the usual."""

import torch
import torch.nn as nn

torch.manual_seed(0)
net = nn.Sequential(nn.Linear(8, 32), nn.Tanh(), nn.Linear(32, 1))
opt = torch.optim.SGD(net.parameters(), lr=1e-3)
w = torch.randn(8)
for it in range(300):
    x = torch.randn(32, 8)
    y = (x @ w).unsqueeze(1)
    if it == 200:
        y = y * 5000.0
    loss = nn.functional.mse_loss(net(x), y)  # leak: BS106
    opt.zero_grad()
    loss.backward()  # leak: BS106
    opt.step()
print(loss.item())
