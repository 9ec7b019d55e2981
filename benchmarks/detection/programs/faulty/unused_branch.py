"""A second branch is built and optimised, but its result is overwritten in forward."""

import torch
import torch.nn as nn

torch.manual_seed(0)


class TwoBranch(nn.Module):
    def __init__(self):
        super().__init__()
        self.left = nn.Linear(10, 32)
        self.right = nn.Linear(10, 32)  # leak: BS304
        self.out = nn.Linear(32, 2)

    def forward(self, x):
        h = torch.relu(self.right(x))
        h = torch.relu(self.left(x))
        return self.out(h)


model = TwoBranch()
opt = torch.optim.Adam(model.parameters(), lr=1e-3)  # leak: BS304
w = torch.randn(10, 2)
for i in range(150):
    x = torch.randn(64, 10)
    loss = nn.functional.cross_entropy(model(x), (x @ w).argmax(1))
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
