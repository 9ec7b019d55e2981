"""The same by hand: (pred - y) is N × N."""

import torch

torch.manual_seed(0)
W1 = (torch.randn(5, 24) / 5**0.5).requires_grad_()
W2 = (torch.randn(24, 1) / 24**0.5).requires_grad_()
w = torch.randn(5)
opt = torch.optim.SGD([W1, W2], lr=0.05)
for it in range(150):
    x = torch.randn(48, 5)
    y = torch.tanh(x @ w)
    pred = torch.tanh(x @ W1) @ W2
    loss = ((pred - y) ** 2).mean()  # leak: BS308
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
