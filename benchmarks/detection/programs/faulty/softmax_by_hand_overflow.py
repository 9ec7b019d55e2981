"""softmax by hand with exp of large scores."""

import torch
import torch.nn as nn

torch.manual_seed(0)


def softmax(z):
    e = torch.exp(z)  # leak: BS401
    return e / e.sum(dim=1, keepdim=True)


lin = nn.Linear(10, 3)
opt = torch.optim.SGD(lin.parameters(), lr=1.0)
W = torch.randn(10, 3)
for it in range(200):
    x = 20 * torch.randn(64, 10)
    y = (x @ W).argmax(1)
    p = softmax(lin(x))
    loss = -torch.log(p[torch.arange(64), y] + 1e-9).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
