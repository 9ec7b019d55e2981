"""Learning rate far too high: the units die within the first updates."""

import torch
import torch.nn as nn

torch.manual_seed(0)
model = nn.Sequential(
    nn.Linear(10, 64),
    nn.ReLU(),  # leak: BS203 or BS201
    nn.Linear(64, 64),
    nn.ReLU(),  # leak: BS203 or BS201
    nn.Linear(64, 1),
)
optimizer = torch.optim.Adam(model.parameters(), lr=0.5)  # leak: BS203 or BS506
a = torch.randn(10)
for it in range(250):
    x = torch.randn(64, 10)
    y = (x @ a).unsqueeze(1).abs()
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x), y)  # leak: BS203 or BS201
    loss.backward()
    optimizer.step()
    if it % 50 == 0:
        print(it, loss.item())
