"""Contrastive pairs with InfoNCE and a learned temperature (CLIP-like)."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)


class Clip(nn.Module):
    def __init__(self):
        super().__init__()
        self.image = nn.Sequential(nn.Linear(30, 64), nn.GELU(), nn.Linear(64, 32))
        self.text = nn.Sequential(nn.Linear(20, 64), nn.GELU(), nn.Linear(64, 32))
        self.logit_scale = nn.Parameter(torch.ones([]) * np.log(1 / 0.07))

    def forward(self, a, b):
        a, b = F.normalize(self.image(a), dim=-1), F.normalize(self.text(b), dim=-1)
        logits = self.logit_scale.exp() * a @ b.t()
        labels = torch.arange(len(a))
        return (F.cross_entropy(logits, labels) + F.cross_entropy(logits.t(), labels)) / 2


model = Clip()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
A, B = torch.randn(8, 30), torch.randn(8, 20)
trace = []
for step in range(250):
    latent = torch.randn(64, 8)
    loss = model(latent @ A + 0.3 * torch.randn(64, 30), latent @ B + 0.3 * torch.randn(64, 20))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    with torch.no_grad():
        model.logit_scale.clamp_(0, np.log(100))
    trace.append(loss.item())
print(trace[0], trace[-1])
assert trace[-1] < 0.5 * trace[0]
