"""Pixels in 0…255 into a sigmoid net."""

import torch
import torch.nn as nn
from sklearn.datasets import load_digits

torch.manual_seed(0)
X, y = load_digits(return_X_y=True)
X = torch.tensor(X * 255 / 16, dtype=torch.float32)
y = torch.tensor(y)
model = nn.Sequential(
    nn.Linear(64, 64),  # leak: BS508
    nn.Sigmoid(),  # leak: BS508 or BS204 or BS205
    nn.Linear(64, 10),
)
opt = torch.optim.SGD(model.parameters(), lr=0.01)
for epoch in range(8):
    for i in torch.randperm(len(X)).split(64):
        out = model(X[i])  # leak: BS508
        loss = nn.functional.cross_entropy(out, y[i])
        opt.zero_grad()
        loss.backward()
        opt.step()
    print(epoch, loss.item())
