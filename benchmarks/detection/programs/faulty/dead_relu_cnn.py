"""Convolutions whose biases were initialised far below zero."""

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)
        self.fc = nn.Linear(16, 3)
        with torch.no_grad():
            self.conv1.bias[:10] -= 8.0

    def forward(self, x):
        x = F.relu(self.conv1(x))  # leak: BS201
        x = F.relu(self.conv2(x))
        return self.fc(x.mean((2, 3)))


net = Net()
opt = torch.optim.Adam(net.parameters(), lr=1e-3)
protos = torch.randn(3, 1, 10, 10)
for step in range(150):
    y = torch.randint(0, 3, (32,))
    loss = F.cross_entropy(net(protos[y] + 0.3 * torch.randn(32, 1, 10, 10)), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
