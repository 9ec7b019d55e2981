"""Learning rate from 0 up and by cosine back to 0; regression with weight decay."""

import math

import torch

torch.manual_seed(0)
TOTAL, WARM = 300, 50
model = torch.nn.Sequential(
    torch.nn.Linear(8, 64),
    torch.nn.SiLU(),
    torch.nn.Linear(64, 64),
    torch.nn.SiLU(),
    torch.nn.Linear(64, 1),
)
optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)


def factor(step):
    if step < WARM:
        return step / WARM
    return 0.5 * (1 + math.cos(math.pi * (step - WARM) / (TOTAL - WARM)))


scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
a = torch.randn(8) / 8**0.5
log = []
for step in range(TOTAL):
    x = torch.randn(64, 8)
    y = torch.sin(2 * x @ a) + 0.1 * torch.randn(64)
    loss = ((model(x).squeeze(-1) - y) ** 2).mean()
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    scheduler.step()
    log.append(loss.item())
print(log[0], log[-1])
assert sum(log[-10:]) < 0.5 * sum(log[:10])
