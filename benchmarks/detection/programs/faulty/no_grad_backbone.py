"""The backbone runs under no_grad though its parameters are handed to the optimiser."""

import torch
import torch.nn as nn

torch.manual_seed(0)
backbone = nn.Sequential(nn.Linear(12, 64), nn.ReLU(), nn.Linear(64, 32))
head = nn.Linear(32, 3)
optimizer = torch.optim.AdamW(
    [{"params": backbone.parameters(), "lr": 1e-4}, {"params": head.parameters(), "lr": 1e-3}]
)
w = torch.randn(12, 3)
for step in range(150):
    x = torch.randn(64, 12)
    y = (x @ w).argmax(1)
    with torch.no_grad():  # leak: BS304 or BS305
        feats = backbone(x)  # leak: BS304 or BS305
    loss = nn.functional.cross_entropy(head(feats), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print(loss.item())
