"""A training loop that never clears its gradients."""

import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 1))
opt = torch.optim.SGD(model.parameters(), lr=1e-4)
x = torch.randn(256, 4)
y = x.sum(dim=1, keepdim=True)
for step in range(80):
    loss = nn.functional.mse_loss(model(x), y)
    loss.backward()  # leak: BS502
    opt.step()
print(loss.item())
