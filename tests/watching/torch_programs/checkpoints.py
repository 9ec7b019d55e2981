import torch
from ending import tell
from torch import nn
from torch.utils.checkpoint import checkpoint

torch.manual_seed(4)
calls = 0


def block(x):
    global calls
    calls += 1
    h = nn.functional.dropout(torch.relu(a(x)), 0.2)
    return torch.sigmoid(h.clamp(-1, 1) * h).clamp(0.3, 0.7)


a, b = nn.Linear(8, 8), nn.Linear(8, 1)
opt = torch.optim.SGD([*a.parameters(), *b.parameters()], 0.1)
for _ in range(24):
    x = torch.randn(16, 8, requires_grad=True)
    h = checkpoint(block, x, use_reentrant=False)
    h = checkpoint(block, h, use_reentrant=True)
    loss = (b(h).clamp(max=0.1) - 1).pow(2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    print(repr(loss.item()), calls)
tell(*a.parameters(), *b.parameters(), calls=calls)
