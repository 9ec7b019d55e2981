"""A student that follows labels and an exponential-average teacher without gradient."""

import copy

import torch
from torch import nn

torch.manual_seed(0)
student = nn.Sequential(nn.Linear(6, 32), nn.GELU(), nn.Linear(32, 3))
teacher = copy.deepcopy(student).requires_grad_(False)
opt = torch.optim.AdamW(student.parameters(), lr=3e-3)
x = torch.randn(256, 6)
y = (x[:, 0] > 0).long() + (x[:, 1] > 0).long()

for step in range(120):
    logits = student(x + 0.05 * torch.randn_like(x))
    with torch.no_grad():
        target = teacher(x).softmax(-1)
    consistency = nn.functional.mse_loss(logits.softmax(-1), target)
    loss = nn.functional.cross_entropy(logits, y) + consistency
    opt.zero_grad()
    loss.backward()
    opt.step()
    with torch.no_grad():
        for t, s in zip(teacher.parameters(), student.parameters()):
            t.lerp_(s, 0.05)
print(loss.item())
