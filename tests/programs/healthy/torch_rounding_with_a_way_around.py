"""Quantised weights and a hard Gumbel softmax, each with its straight-through gradient."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)


class Round(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return torch.round(x)

    @staticmethod
    def backward(ctx, grad):
        return grad


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(0.3 * torch.randn(16, 8))
        self.bias = nn.Parameter(torch.zeros(16))
        self.choose, self.head = nn.Linear(16, 6), nn.Linear(6, 3)

    def forward(self, x):
        weight = self.weight + ((8 * self.weight).round() / 8 - self.weight).detach()
        h = Round.apply(4 * torch.tanh(F.linear(x, weight, self.bias))) / 4
        return self.head(F.gumbel_softmax(self.choose(h), tau=1.0, hard=True))


net = Net()
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
centres = 2 * torch.randn(3, 8)
for step in range(200):
    y = torch.randint(0, 3, (64,))
    loss = F.cross_entropy(net(centres[y] + 0.5 * torch.randn(64, 8)), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
