"""A sigmoid in the model, and a loss on logits that applies its own."""

import torch
from torch import nn

torch.manual_seed(0)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, x):
        return torch.sigmoid(self.body(x)).squeeze(1)


net, criterion = Net(), nn.BCEWithLogitsLoss()
opt = torch.optim.Adam(net.parameters(), lr=1e-2)
x = torch.randn(256, 8)
y = (x[:, 0] > x[:, 1]).float()
for step in range(80):
    loss = criterion(net(x), y)  # leak: BS307
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
