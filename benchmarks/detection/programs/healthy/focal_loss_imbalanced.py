"""Focal loss on an imbalanced binary problem; probabilities clamped for the log."""

import torch
import torch.nn as nn
from sklearn.datasets import make_classification

torch.manual_seed(0)
X, y = make_classification(2000, 20, n_informative=8, weights=[0.92], random_state=0)
X = torch.tensor(X, dtype=torch.float32)
X = (X - X.mean(0)) / X.std(0)
y = torch.tensor(y, dtype=torch.float32)


class FocalLoss(nn.Module):
    def __init__(self, gamma=2.0, alpha=0.75, eps=1e-6):
        super().__init__()
        self.gamma, self.alpha, self.eps = gamma, alpha, eps

    def forward(self, logit, target):
        p = torch.sigmoid(logit).clamp(self.eps, 1 - self.eps)
        pt = torch.where(target == 1, p, 1 - p)
        a = torch.where(target == 1, self.alpha, 1 - self.alpha)
        return (-a * (1 - pt) ** self.gamma * pt.log()).mean()


model = nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, 1))
opt = torch.optim.Adam(model.parameters(), lr=3e-3)
focal = FocalLoss()
losses = []
for epoch in range(12):
    for idx in torch.randperm(2000).split(100):
        loss = focal(model(X[idx]).squeeze(1), y[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.item())
print(sum(losses[:10]) / 10, sum(losses[-10:]) / 10)
assert sum(losses[-10:]) < 0.5 * sum(losses[:10])
