"""Softmax without log before nll_loss (a classic of the forums)."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(16, 50)
        self.fc2 = nn.Linear(50, 5)

    def forward(self, x):
        x = F.relu(self.fc1(x))
        return F.softmax(self.fc2(x), dim=1)  # leak: BS307


net, W = Net(), torch.randn(16, 5)
opt = torch.optim.Adam(net.parameters(), lr=1e-3)
for i in range(150):
    x = torch.randn(64, 16)
    loss = F.nll_loss(net(x), (x @ W).argmax(1))  # leak: BS307
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
