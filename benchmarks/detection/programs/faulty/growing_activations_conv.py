"""Convolutions initialised with N(0, 0.5): activations grow by the layer."""

import torch
import torch.nn as nn

torch.manual_seed(0)


def conv(i, o):
    c = nn.Conv2d(i, o, 3, padding=1)
    nn.init.normal_(c.weight, std=0.5)  # leak: BS206 or BS503 or BS102
    return c


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            conv(1, 16),
            nn.ReLU(),
            conv(16, 16),
            nn.ReLU(),
            conv(16, 16),
            nn.ReLU(),  # leak: BS206
            conv(16, 16),
            nn.ReLU(),  # leak: BS206
        )
        self.fc = nn.Linear(16, 4)

    def forward(self, x):
        return self.fc(self.body(x).mean((2, 3)))  # leak: BS206


net, protos = Net(), torch.randn(4, 1, 8, 8)
opt = torch.optim.SGD(net.parameters(), lr=1e-4)
for it in range(80):
    y = torch.randint(0, 4, (32,))
    out = net(protos[y] + 0.3 * torch.randn(32, 1, 8, 8))
    loss = nn.functional.cross_entropy(out, y)  # leak: BS503
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
