"""Biases initialised at -5: most hidden units never fire."""

import torch
from torch import nn

torch.manual_seed(0)


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.l1 = nn.Linear(20, 100)
        self.l2 = nn.Linear(100, 100)
        self.l3 = nn.Linear(100, 4)
        nn.init.constant_(self.l1.bias, -1.8)
        nn.init.constant_(self.l2.bias, -1.0)

    def forward(self, x):
        x = self.l1(x).relu()  # leak: BS201 or BS202
        x = self.l2(x).relu()  # leak: BS201 or BS202
        return self.l3(x)


net = MLP()
opt = torch.optim.SGD(net.parameters(), lr=0.01)
w = torch.randn(20, 4)
for i in range(250):
    x = torch.randn(64, 20)
    loss = nn.functional.cross_entropy(net(x), (x @ w).argmax(1))
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
