"""Discrete autoencoder with hard Gumbel-softmax and a falling temperature."""

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)
N, K, D = 4, 8, 12
enc = nn.Sequential(nn.Linear(D, 64), nn.ELU(), nn.Linear(64, N * K))
dec = nn.Sequential(nn.Linear(N * K, 64), nn.ELU(), nn.Linear(64, D))
opt = torch.optim.Adam([*enc.parameters(), *dec.parameters()], lr=2e-3)
basis = torch.randn(6, D)
losses = []
for step in range(350):
    tau = max(0.5, 2.0 - step / 200)
    x = torch.bernoulli(torch.full((64, 6), 0.5)) @ basis
    x = x / 1.7
    logits = enc(x).view(-1, N, K)
    z = F.gumbel_softmax(logits, tau=tau, hard=True).flatten(1)
    loss = F.mse_loss(dec(z), x)
    opt.zero_grad()
    loss.backward()
    opt.step()
    losses.append(loss.item())
print(losses[0], losses[-1])
assert losses[-1] < 0.6 * losses[0]
