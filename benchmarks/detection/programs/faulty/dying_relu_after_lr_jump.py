"""Trains well, then a scheduler multiplies the learning rate by a hundred and units die."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)


class Q(nn.Module):
    def __init__(self):
        super().__init__()
        self.f1 = nn.Linear(6, 64)
        self.f2 = nn.Linear(64, 64)
        self.f3 = nn.Linear(64, 1)

    def forward(self, x):
        x = F.relu(self.f1(x))  # leak: BS203 or BS201
        x = F.relu(self.f2(x))  # leak: BS203 or BS201
        return self.f3(x)


q = Q()
opt = torch.optim.SGD(q.parameters(), lr=0.02)  # leak: BS203 or BS506
sched = torch.optim.lr_scheduler.MultiStepLR(opt, [150], gamma=100)  # leak: BS506 or BS203
for it in range(300):
    x = torch.randn(64, 6)
    loss = F.mse_loss(q(x), x.norm(dim=1, keepdim=True))
    opt.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(q.parameters(), 5.0)
    opt.step()
    sched.step()
print(loss.item())
