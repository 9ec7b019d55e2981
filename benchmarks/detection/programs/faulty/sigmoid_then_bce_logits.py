"""Sigmoid applied twice: once in forward, once in BCEWithLogitsLoss."""

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)


class Binary(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(20, 32)
        self.fc2 = nn.Linear(32, 1)

    def forward(self, x):
        return torch.sigmoid(self.fc2(F.relu(self.fc1(x))))  # leak: BS307


net = Binary()
loss_fn = nn.BCEWithLogitsLoss()
opt = torch.optim.Adam(net.parameters(), lr=1e-3)
w = torch.randn(20)
for step in range(150):
    x = torch.randn(64, 20)
    y = (x @ w > 0).float().unsqueeze(1)
    loss = loss_fn(net(x), y)  # leak: BS307
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
