"""Truncated back-propagation through time: LSTM cells in a loop, cut every 25 of 200 steps."""

import torch
from torch import nn

torch.manual_seed(0)
cell, head = nn.LSTMCell(1, 16), nn.Linear(16, 1)
opt = torch.optim.Adam([*cell.parameters(), *head.parameters()], lr=5e-3)
for epoch in range(12):
    phase = 6.28 * torch.rand(8, 1)
    wave = torch.sin(0.2 * torch.arange(201.0) + phase)
    h, c = torch.zeros(8, 16), torch.zeros(8, 16)
    loss = 0.0
    for t in range(200):
        h, c = cell(wave[:, t : t + 1], (h, c))
        loss = loss + (head(h) - wave[:, t + 1 : t + 2]).pow(2).mean() / 25
        if t % 25 == 24:
            opt.zero_grad()
            loss.backward()
            opt.step()
            h, c, last, loss = h.detach(), c.detach(), loss.item(), 0.0
print(last)
