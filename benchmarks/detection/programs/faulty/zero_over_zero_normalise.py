"""Rows normalised by their norm; one row is all zeros after the ReLU."""

import torch
import torch.nn as nn

torch.manual_seed(0)


class Cosine(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 6)

    def forward(self, x):
        h = torch.relu(self.fc(x))
        return h / h.norm(dim=1, keepdim=True)  # leak: BS401


net, w = Cosine(), torch.randn(8, 6)
opt = torch.optim.SGD(net.parameters(), lr=0.1)
for i in range(100):
    x = torch.randn(64, 8)
    goal = nn.functional.normalize((x @ w).relu() + 0.1, dim=1)
    loss = ((net(x) - goal) ** 2).sum(1).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
