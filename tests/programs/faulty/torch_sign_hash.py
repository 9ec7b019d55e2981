"""Binary hash codes made with sign, and nothing that lets a gradient around it."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(1)


class Hashing(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 16))
        self.head = nn.Linear(16, 3)

    def forward(self, x):
        code = self.features(x).sign()  # leak: BS303
        return self.head(code)


net = Hashing()
opt = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
centres = torch.randn(3, 12)
for step in range(60):
    y = torch.randint(0, 3, (96,))
    loss = F.cross_entropy(net(centres[y] + torch.randn(96, 12)), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
