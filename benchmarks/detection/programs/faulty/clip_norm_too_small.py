"""max_norm=0.001 with SGD: in effect no learning."""

import torch
import torch.nn as nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(12, 64), nn.ReLU(), nn.Linear(64, 4))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)  # leak: BS505
W = torch.randn(12, 4)
for step in range(200):
    x = torch.randn(64, 12)
    loss = nn.functional.cross_entropy(model(x), (x @ W).argmax(1))
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 0.001)  # leak: BS505
    optimizer.step()
print(loss.item())
