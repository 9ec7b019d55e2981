"""ReLU on the logits before cross-entropy."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)


class CNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 8, 3)
        self.fc1 = nn.Linear(8 * 9, 32)
        self.fc2 = nn.Linear(32, 4)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv(x)), 2)
        x = F.relu(self.fc1(x.flatten(1)))
        return F.relu(self.fc2(x))  # leak: BS309


net, protos = CNN(), torch.randn(4, 1, 8, 8)
opt = torch.optim.Adam(net.parameters(), lr=1e-3)
for it in range(120):
    y = torch.randint(0, 4, (32,))
    out = net(protos[y] + 0.5 * torch.randn(32, 1, 8, 8))
    loss = F.cross_entropy(out, y)  # leak: BS309
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
