"""A second branch whose output was forgotten: it is computed and never used."""

import torch
from torch import nn


class TwoBranches(nn.Module):
    def __init__(self):
        super().__init__()
        self.wide = nn.Linear(5, 16)
        self.deep = nn.Sequential(nn.Linear(5, 16), nn.Tanh(), nn.Linear(16, 16))  # leak: BS304
        self.out = nn.Linear(16, 1)

    def forward(self, x):
        hidden = {"wide": self.wide(x), "deep": self.deep(x)}
        return self.out(torch.tanh(hidden["wide"] + hidden["wide"]))


torch.manual_seed(0)
net = TwoBranches()
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
x = torch.randn(256, 5)
y = torch.sin(x[:, :1]) * x[:, 1:2]
for step in range(80):
    loss = nn.functional.mse_loss(net(x), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
