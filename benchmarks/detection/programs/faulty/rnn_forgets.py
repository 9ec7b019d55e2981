"""Must remember the first symbol for 50 steps; nn.RNNCell starts too contracting."""

import torch
from torch import nn

torch.manual_seed(0)
cell = nn.RNNCell(4, 32)
nn.init.normal_(cell.weight_hh, std=0.4 / 32**0.5)  # leak: BS104
readout = nn.Linear(32, 2)
params = list(cell.parameters()) + list(readout.parameters())
optimizer = torch.optim.Adam(params, lr=1e-3)
criterion = nn.CrossEntropyLoss()
for step in range(150):
    x = torch.randn(50, 32, 4)
    y = (x[0, :, 0] > 0).long()
    h = torch.zeros(32, 32)
    for t in range(50):
        h = cell(x[t], h)  # leak: BS104
    loss = criterion(readout(h), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 50 == 0:
        print(step, loss.item())
