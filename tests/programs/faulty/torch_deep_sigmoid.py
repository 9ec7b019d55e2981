"""Seven sigmoid layers at the usual start: the first of them gets next to no gradient."""

import torch
from torch import nn


class Deep(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(20, 20) for _ in range(7))  # leak: BS101
        self.out = nn.Linear(20, 3)

    def forward(self, x):
        for layer in self.layers:
            x = torch.sigmoid(layer(x))  # leak: BS101
        return self.out(x)


torch.manual_seed(0)
model = Deep()
x = torch.randn(256, 20)
y = x[:, :3].argmax(1)
opt = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
for step in range(80):
    loss = nn.functional.cross_entropy(model(x), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
