"""Gaussian head whose log standard deviation starts outside its clamp."""

import math

import torch
import torch.nn as nn

torch.manual_seed(0)
mean = nn.Sequential(nn.Linear(3, 32), nn.Tanh(), nn.Linear(32, 2))
raw = nn.Parameter(torch.full((2,), -6.0))
opt = torch.optim.Adam([*mean.parameters(), raw], lr=3e-3)
A = torch.randn(3, 2)
for step in range(250):
    x = torch.randn(64, 3)
    y = torch.tanh(x @ A) + 0.5 * torch.randn(64, 2)
    log_std = raw.clamp(-4, 2)  # leak: BS301
    z = (y - mean(x)) / log_std.exp()
    loss = (0.5 * z**2 + log_std + 0.5 * math.log(2 * math.pi)).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
