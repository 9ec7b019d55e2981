"""Mixture density network for an inverse problem."""

import math

import torch
import torch.nn as nn

torch.manual_seed(0)


class MDN(nn.Module):
    def __init__(self, k=5, hidden=40):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(1, hidden), nn.Tanh())
        self.pi = nn.Linear(hidden, k)
        self.mu = nn.Linear(hidden, k)
        self.log_sigma = nn.Linear(hidden, k)

    def forward(self, x):
        h = self.body(x)
        return torch.log_softmax(self.pi(h), -1), self.mu(h), self.log_sigma(h).clamp(-5, 3)


def mdn_loss(log_pi, mu, log_sigma, y):
    log_prob = -0.5 * ((y - mu) / log_sigma.exp()) ** 2 - log_sigma - 0.5 * math.log(2 * math.pi)
    return -torch.logsumexp(log_pi + log_prob, -1).mean()


net = MDN()
opt = torch.optim.Adam(net.parameters(), lr=1e-2)
values = []
for epoch in range(300):
    t = 2 * torch.rand(256, 1) - 1
    x = t + 0.3 * torch.sin(6.28 * t) + 0.05 * torch.randn_like(t)
    loss = mdn_loss(*net(x), t)
    opt.zero_grad()
    loss.backward()
    opt.step()
    values.append(loss.item())
print(values[0], values[-1])
assert values[-1] < values[0] - 0.8
