"""Siamese net with contrastive loss (margin) on the digits."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.manual_seed(0)
digits = load_digits()
X = torch.tensor(digits.data, dtype=torch.float32) / 8.0 - 1.0
Y = torch.tensor(digits.target)


class Siamese(nn.Module):
    def __init__(self):
        super().__init__()
        self.branch = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 8))

    def forward(self, a, b):
        return F.pairwise_distance(self.branch(a), self.branch(b))


net = Siamese()
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
losses = []
for step in range(300):
    i, j = torch.randint(0, len(X), (2, 96))
    same = (Y[i] == Y[j]).float()
    d = net(X[i], X[j])
    loss = (same * d.pow(2) + (1 - same) * F.relu(1.0 - d).pow(2)).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    losses.append(loss.item())
print(losses[0], losses[-1])
assert sum(losses[-20:]) < 0.5 * sum(losses[:20])
