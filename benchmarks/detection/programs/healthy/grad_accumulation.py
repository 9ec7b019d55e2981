"""Micro-batches: four backward passes to one optimiser step."""

import torch
import torch.nn as nn

torch.manual_seed(0)
ACCUMULATE = 4
model = nn.Sequential(nn.Linear(16, 64), nn.LayerNorm(64), nn.ReLU(), nn.Linear(64, 4))
opt = torch.optim.AdamW(model.parameters(), lr=3e-3)
w = torch.randn(16, 4)
losses = []
opt.zero_grad()
for i in range(400):
    x = torch.randn(32, 16)
    loss = nn.functional.cross_entropy(model(x), (x @ w).argmax(1))
    (loss / ACCUMULATE).backward()
    if (i + 1) % ACCUMULATE == 0:
        opt.step()
        opt.zero_grad()
    losses.append(loss.item())
print(losses[0], losses[-1])
assert sum(losses[-8:]) < 0.6 * sum(losses[:8])
