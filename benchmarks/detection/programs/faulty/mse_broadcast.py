"""Prediction (N, 1) against target (N,)."""

import warnings

import torch
import torch.nn as nn
from sklearn.datasets import load_diabetes

warnings.filterwarnings("ignore")
torch.manual_seed(0)
X, y = load_diabetes(return_X_y=True)
X = torch.tensor((X - X.mean(0)) / X.std(0), dtype=torch.float32)
y = torch.tensor((y - y.mean()) / y.std(), dtype=torch.float32)
model = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 1))
mse = nn.MSELoss()
opt = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(20):
    for i in torch.randperm(len(X)).split(64):
        loss = mse(model(X[i]), y[i])  # leak: BS308
        opt.zero_grad()
        loss.backward()
        opt.step()
print(loss.item())
