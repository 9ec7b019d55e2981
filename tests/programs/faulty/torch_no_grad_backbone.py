"""A backbone run inside no_grad, left over from a test, though the optimiser is to train it."""

import torch
from torch import nn


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 16), nn.ReLU())
        self.head = nn.Linear(16, 3)

    def forward(self, x):
        with torch.no_grad():
            features = self.backbone(x)  # leak: BS305
        return self.head(features)


torch.manual_seed(0)
model = Classifier()
opt = torch.optim.Adam(model.parameters(), lr=3e-3)
x = torch.randn(300, 6)
y = (x[:, 0] > 0).long() + (x[:, 1] > 0).long()
for epoch in range(60):
    for batch in torch.randperm(300).split(100):
        loss = nn.functional.cross_entropy(model(x[batch]), y[batch])
        opt.zero_grad()
        loss.backward()
        opt.step()
print(loss.item())
