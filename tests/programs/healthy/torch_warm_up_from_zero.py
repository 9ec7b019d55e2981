"""A learning rate that is warmed up from 0: the first updates change nothing."""

import torch
from torch import nn

torch.manual_seed(0)
x, y = torch.randn(256, 5), torch.randn(256, 1)
y = x[:, :1] * 2 + 0.1 * y
model = nn.Sequential(nn.Linear(5, 32), nn.ReLU(), nn.Linear(32, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
warmup = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, step / 30))
for step in range(150):
    loss = nn.functional.mse_loss(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    warmup.step()
print(loss.item())
