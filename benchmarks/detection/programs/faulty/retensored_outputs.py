"""torch.tensor() around the module's output, as often seen in forums."""

import torch
from torch import nn

torch.manual_seed(0)
lstm = nn.LSTM(4, 16, batch_first=True)
linear = nn.Linear(16, 1)
optimizer = torch.optim.Adam(list(lstm.parameters()) + list(linear.parameters()), lr=1e-2)
for epoch in range(120):
    x = torch.randn(32, 10, 4)
    y = x.sum((1, 2)).unsqueeze(1)
    out, _ = lstm(x)
    features = torch.tensor(out[:, -1].tolist())  # leak: BS305 or BS304
    loss = nn.functional.mse_loss(linear(features), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print(loss.item())
