"""Quantise activations by round without a straight-through estimator."""

import torch
import torch.nn as nn

torch.manual_seed(0)


class Quantised(nn.Module):
    def __init__(self, levels=8):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(10, 32), nn.Linear(32, 3)
        self.levels = levels

    def forward(self, x):
        h = torch.sigmoid(self.fc1(x))
        h = torch.round(h * self.levels) / self.levels  # leak: BS303 or BS304
        return self.fc2(h)


model = Quantised()
opt = torch.optim.Adam(model.parameters(), lr=1e-2)
W = torch.randn(10, 3)
for step in range(150):
    x = torch.randn(64, 10)
    loss = nn.functional.cross_entropy(model(x), (x @ W).argmax(1))
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
