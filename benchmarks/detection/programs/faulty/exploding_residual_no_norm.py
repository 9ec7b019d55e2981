"""Forty residual blocks without normalisation or scaling."""

import torch
import torch.nn as nn

torch.manual_seed(0)


class Block(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.a = nn.Linear(d, d)
        self.b = nn.Linear(d, d)
        nn.init.kaiming_normal_(self.a.weight)
        nn.init.kaiming_normal_(self.b.weight)

    def forward(self, x):
        return x + self.b(torch.relu(self.a(x)))  # leak: BS206 or BS102


class Net(nn.Module):
    def __init__(self, d=32, n=12):
        super().__init__()
        self.stem = nn.Linear(6, d)  # leak: BS102
        self.blocks = nn.Sequential(*[Block(d) for _ in range(n)])
        self.head = nn.Linear(d, 1)

    def forward(self, x):
        return self.head(self.blocks(self.stem(x)))


net = Net()
opt = torch.optim.Adam(net.parameters(), lr=1e-4)
for it in range(100):
    x = torch.randn(32, 6)
    loss = nn.functional.l1_loss(net(x), x.sum(1, keepdim=True))
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
