"""A GRU over one long signal, its state detached every 20 steps."""

import torch
from torch import nn

torch.manual_seed(0)
signal = torch.sin(0.2 * torch.arange(0, 801).float()) + 0.05 * torch.randn(801)
rnn, head = nn.GRU(1, 16, batch_first=True), nn.Linear(16, 1)
opt = torch.optim.Adam([*rnn.parameters(), *head.parameters()], lr=1e-2)
for epoch in range(3):
    state = None
    for start in range(0, 800, 20):
        x = signal[start : start + 20].view(1, 20, 1)
        y = signal[start + 1 : start + 21].view(1, 20, 1)
        out, state = rnn(x, state)
        state = state.detach()
        loss = (head(out) - y).pow(2).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
print(loss.item())
