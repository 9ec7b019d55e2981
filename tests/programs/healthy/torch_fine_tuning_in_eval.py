"""Fine-tuning with a frozen backbone in eval mode, and dropout for uncertainty in between."""

import torch
from torch import nn


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(
            nn.Linear(6, 24), nn.BatchNorm1d(24), nn.ReLU(), nn.Dropout(0.1), nn.Linear(24, 12)
        )
        self.head = nn.Sequential(nn.Tanh(), nn.Dropout(0.1), nn.Linear(12, 2))

    def forward(self, x):
        return self.head(self.backbone(x))

    def train(self, mode=True):
        super().train(mode)
        self.backbone.eval()
        return self


torch.manual_seed(0)
model = Model()
for parameter in model.backbone.parameters():
    parameter.requires_grad = False
opt = torch.optim.Adam(model.head.parameters(), lr=1e-2)
x = torch.randn(320, 6)
y = (x[:, 0] + x[:, 1] > 0).long()
for epoch in range(40):
    model.train()
    loss = nn.functional.cross_entropy(model(x[:256]), y[:256])
    opt.zero_grad()
    loss.backward()
    opt.step()
    model.eval()
    model.head[1].train()
    with torch.no_grad():
        spread = torch.stack([model(x[256:]) for _ in range(4)]).std(0).mean()
print(loss.item(), spread.item())
