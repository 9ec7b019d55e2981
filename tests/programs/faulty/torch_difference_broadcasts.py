"""A squared error by hand: a column of predictions minus a row of targets."""

import torch

torch.manual_seed(0)
w = torch.zeros(4, 1, requires_grad=True)
opt = torch.optim.SGD([w], lr=0.05)
x = torch.randn(200, 4)
y = x @ torch.tensor([1.0, -2.0, 0.5, 3.0])
for step in range(80):
    error = x @ w - y  # leak: BS308
    loss = error.pow(2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
