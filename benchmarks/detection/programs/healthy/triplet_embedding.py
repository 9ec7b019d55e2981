"""Metric learning with a triplet margin loss and unit embeddings."""

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)
embed = nn.Sequential(nn.Linear(20, 64), nn.PReLU(), nn.Linear(64, 16))
centres = torch.randn(8, 20)
opt = torch.optim.Adam(embed.parameters(), lr=1e-3)
criterion = nn.TripletMarginLoss(margin=0.5)


def encode(x):
    return F.normalize(embed(x), dim=-1)


losses = []
for it in range(250):
    c = torch.randint(0, 8, (64,))
    other = (c + torch.randint(1, 8, (64,))) % 8
    noise = 1.2 * torch.randn(3, 64, 20)
    loss = criterion(
        encode(centres[c] + noise[0]),
        encode(centres[c] + noise[1]),
        encode(centres[other] + noise[2]),
    )
    opt.zero_grad()
    loss.backward()
    opt.step()
    losses.append(loss.item())
print(losses[0], losses[-1])
assert sum(losses[-20:]) < 0.6 * sum(losses[:20])
