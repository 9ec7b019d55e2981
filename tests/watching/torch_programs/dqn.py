import torch
from ending import tell
from torch import nn

torch.manual_seed(0)
q = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 2))
opt = torch.optim.Adam(q.parameters(), 1e-3)
x, target = torch.randn(64, 4), torch.randn(64) * 10
for _ in range(60):
    value = q(x)[torch.arange(64), torch.randint(0, 2, (64,))]
    delta = value - target
    loss = (torch.clamp(delta, -1, 1) ** 2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    print(repr(loss.item()))
tell(*q.parameters())
