"""Layers kept in a plain Python list: parameters() does not see them."""

import torch
import torch.nn as nn

torch.manual_seed(0)


class Stack(nn.Module):
    def __init__(self):
        super().__init__()
        self.inp = nn.Linear(8, 32)
        self.layers = [nn.Linear(32, 32) for _ in range(3)]  # leak: BS306
        self.out = nn.Linear(32, 1)

    def forward(self, x):
        x = torch.relu(self.inp(x))
        for layer in self.layers:
            x = torch.relu(layer(x))
        return self.out(x)


net = Stack()
opt = torch.optim.Adam(net.parameters(), lr=1e-3)  # leak: BS306
w = torch.randn(8)
for i in range(150):
    x = torch.randn(64, 8)
    loss = nn.functional.mse_loss(net(x).squeeze(1), torch.sin(x @ w))
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
