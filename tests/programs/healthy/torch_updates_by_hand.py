"""A network of plain tensors, updated by hand and made anew at every step."""

import torch

torch.manual_seed(0)
x = torch.rand(256, 2) * 4 - 2
y = (x[:, :1] * x[:, 1:]).tanh()
params = [
    (torch.randn(2, 32) / 2**0.5).requires_grad_(),
    torch.zeros(32, requires_grad=True),
    (torch.randn(32, 1) / 32).requires_grad_(),
    torch.zeros(1, requires_grad=True),
]
for step in range(120):
    w1, b1, w2, b2 = params
    loss = ((torch.tanh(x @ w1 + b1) @ w2 + b2 - y) ** 2).mean()
    grads = torch.autograd.grad(loss, params)
    params = [(p - 0.05 * g).detach().requires_grad_() for p, g in zip(params, grads, strict=True)]
print(loss.item())
