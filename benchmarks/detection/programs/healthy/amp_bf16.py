"""Autocast in bfloat16 on the CPU."""

import torch
import torch.nn as nn

torch.manual_seed(0)
device = "cuda" if torch.cuda.is_available() else "cpu"
model = nn.Sequential(
    nn.Linear(32, 128), nn.GELU(), nn.Linear(128, 128), nn.GELU(), nn.Linear(128, 6)
).to(device)
w_true = torch.randn(32, 6, device=device)
opt = torch.optim.AdamW(model.parameters(), lr=2e-3)
losses = []
for step in range(200):
    x = torch.randn(128, 32, device=device)
    y = (x @ w_true).argmax(1)
    with torch.autocast(device_type=device, dtype=torch.bfloat16):
        loss = nn.functional.cross_entropy(model(x), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
    losses.append(loss.item())
print(losses[0], losses[-1])
assert losses[-1] < 0.6 * losses[0]
