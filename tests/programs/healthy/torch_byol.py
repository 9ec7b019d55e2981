"""Self-supervised learning with a predictor, an averaged target network and stopped gradients."""

import copy

import torch
from torch import nn

torch.manual_seed(0)
online = nn.Sequential(nn.Linear(8, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 8))
target = copy.deepcopy(online).requires_grad_(False)
predictor = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 8))
opt = torch.optim.Adam([*online.parameters(), *predictor.parameters()], lr=1e-3)
data = torch.randn(256, 8)
for step in range(120):
    x = data[torch.randint(0, 256, (64,))]
    one, two = x + 0.1 * torch.randn_like(x), x + 0.1 * torch.randn_like(x)
    with torch.no_grad():
        wanted = target(two)
    similarity = nn.functional.cosine_similarity(predictor(online(one)), wanted.detach(), dim=1)
    loss = 2 - 2 * similarity.mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    with torch.no_grad():
        for ours, theirs in zip(target.parameters(), online.parameters(), strict=True):
            ours.mul_(0.99).add_(theirs, alpha=0.01)
print(loss.item())
