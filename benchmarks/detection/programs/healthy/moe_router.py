"""Mixture of experts with top-1 routing and a load-balancing loss."""

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)


class MoE(nn.Module):
    def __init__(self, d=16, n=4):
        super().__init__()
        self.router = nn.Linear(d, n)
        self.experts = nn.ModuleList(
            nn.Sequential(nn.Linear(d, 32), nn.GELU(), nn.Linear(32, d)) for _ in range(n)
        )

    def forward(self, x):
        prob = F.softmax(self.router(x), -1)
        gate, idx = prob.max(-1)
        out = torch.zeros_like(x)
        for e, expert in enumerate(self.experts):
            sel = idx == e
            if sel.any():
                out[sel] = expert(x[sel]) * gate[sel].unsqueeze(-1)
        share = F.one_hot(idx, len(self.experts)).float().mean(0)
        return x + out, (share * prob.mean(0)).sum() * len(self.experts)


moe, head = MoE(), nn.Linear(16, 3)
opt = torch.optim.AdamW([*moe.parameters(), *head.parameters()], lr=2e-3)
w = torch.randn(16, 3)
losses = []
for _ in range(250):
    x = torch.randn(64, 16)
    h, balance = moe(x)
    loss = F.cross_entropy(head(h), (x.abs() @ w).argmax(1))
    opt.zero_grad()
    (loss + 0.01 * balance).backward()
    opt.step()
    losses.append(loss.item())
print(losses[0], losses[-1])
assert sum(losses[-10:]) < 0.7 * sum(losses[:10])
