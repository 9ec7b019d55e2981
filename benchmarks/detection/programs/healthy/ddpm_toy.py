"""Denoising diffusion on a two-dimensional mixture with an EMA copy of the weights."""

import copy
import math

import torch
import torch.nn as nn

torch.manual_seed(0)
T = 50
betas = torch.linspace(1e-4, 0.2, T)
alpha_bar = torch.cumprod(1 - betas, 0)


class Denoiser(nn.Module):
    def __init__(self, h=96):
        super().__init__()
        self.time = nn.Sequential(nn.Linear(16, h), nn.SiLU(), nn.Linear(h, h))
        self.inp = nn.Linear(2, h)
        self.mid = nn.Linear(h, h)
        self.out = nn.Linear(h, 2)

    def forward(self, x, t):
        freq = torch.exp(-math.log(100) * torch.arange(8) / 8)
        emb = t[:, None].float() * freq
        emb = self.time(torch.cat([emb.sin(), emb.cos()], 1))
        h = nn.functional.silu(self.inp(x) + emb)
        return self.out(nn.functional.silu(self.mid(h)) + h)


net = Denoiser()
ema = copy.deepcopy(net).requires_grad_(False)
opt = torch.optim.AdamW(net.parameters(), lr=2e-3)
centres = torch.tensor([[1.5, 0.0], [-1.5, 0.0], [0.0, 1.5]])
losses = []
for step in range(300):
    x0 = centres[torch.randint(0, 3, (128,))] + 0.1 * torch.randn(128, 2)
    t = torch.randint(0, T, (128,))
    noise = torch.randn_like(x0)
    ab = alpha_bar[t][:, None]
    loss = nn.functional.mse_loss(net(ab.sqrt() * x0 + (1 - ab).sqrt() * noise, t), noise)
    opt.zero_grad()
    loss.backward()
    opt.step()
    with torch.no_grad():
        for e, p in zip(ema.parameters(), net.parameters(), strict=True):
            e.lerp_(p, 0.01)
    losses.append(loss.item())
print(losses[0], sum(losses[-20:]) / 20)
assert sum(losses[-20:]) < 0.7 * sum(losses[:20])
