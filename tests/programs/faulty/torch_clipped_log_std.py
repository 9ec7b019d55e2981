"""A Gaussian policy whose log standard deviation is clipped on the wrong side of its start."""

import torch
from torch import nn

torch.manual_seed(0)
mean = nn.Linear(3, 1)
log_std = nn.Parameter(torch.full((1,), 3.0))
opt = torch.optim.Adam([*mean.parameters(), log_std], lr=1e-2)
x = torch.randn(256, 3)
y = x.sum(1, keepdim=True) + 0.1 * torch.randn(256, 1)
for step in range(100):
    std = torch.clamp(log_std, -5.0, 2.0).exp()  # leak: BS301
    loss = -torch.distributions.Normal(mean(x), std).log_prob(y).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
