"""Autoencoder with tanh output against pixels in 0…16."""

import torch
import torch.nn as nn
from sklearn.datasets import load_digits

torch.manual_seed(0)
X = torch.tensor(load_digits().data, dtype=torch.float32)


class AE(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 8))
        self.dec = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 64), nn.Tanh())

    def forward(self, x):
        return self.dec(self.enc(x))


ae = AE()
opt = torch.optim.Adam(ae.parameters(), lr=1e-3)
for epoch in range(4):
    for xb in X[torch.randperm(len(X))].split(64):
        loss = nn.functional.mse_loss(ae(xb), xb)  # leak: BS309
        opt.zero_grad()
        loss.backward()
        opt.step()
print(loss.item())
