"""Deep tanh regression with weights drawn too small."""

import torch
import torch.nn as nn

torch.manual_seed(0)


def init(m):
    if isinstance(m, nn.Linear):
        nn.init.normal_(m.weight, std=0.02)  # leak: BS101 or BS206
        nn.init.zeros_(m.bias)


blocks = []
for i in range(7):
    blocks += [nn.Linear(8 if i == 0 else 64, 64), nn.Tanh()]  # leak: BS101 or BS206
net = nn.Sequential(*blocks, nn.Linear(64, 1))
net.apply(init)
opt = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
w = torch.randn(8)
for it in range(250):
    x = torch.randn(64, 8)
    loss = nn.functional.mse_loss(net(x).squeeze(1), torch.sin(x @ w))  # leak: BS206 or BS101
    opt.zero_grad()
    loss.backward()
    opt.step()
    if it % 50 == 0:
        print(it, loss.item())
