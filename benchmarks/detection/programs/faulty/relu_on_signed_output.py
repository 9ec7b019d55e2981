"""A ReLU at the end of a regression onto signed targets."""

import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(
    nn.Linear(6, 64),
    nn.ReLU(),
    nn.Linear(64, 1),
    nn.ReLU(),  # leak: BS309
)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
criterion = nn.MSELoss()
w = torch.randn(6)
for epoch in range(200):
    x = torch.randn(64, 6)
    y = (x @ w).unsqueeze(1)
    loss = criterion(model(x), y)  # leak: BS309
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print(loss.item())
