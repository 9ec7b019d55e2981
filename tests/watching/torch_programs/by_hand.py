import torch
from ending import tell

torch.manual_seed(1)
w = (torch.randn(8, 8) * 0.3).requires_grad_()
u = torch.randn(3, 8, requires_grad=True)
v = torch.zeros(8, 1, requires_grad=True)
x, y = torch.randn(20, 16, 3), torch.randn(16, 1)
for _ in range(40):
    h = torch.zeros(16, 8)
    for t in range(20):
        h = torch.tanh(h @ w + x[t] @ u)
    loss = ((h @ v - y).clamp(-0.5, 0.5) ** 2).mean()
    for p in (w, u, v):
        p.grad = None
    loss.backward()
    with torch.no_grad():
        for p in (w, u, v):
            p -= 0.1 * p.grad.clamp_(-5, 5)
    print(repr(loss.item()))
for _ in range(10):  # the same without .backward()
    loss = ((torch.tanh(x[0] @ u @ w) @ v - y) ** 2).mean()
    grads = torch.autograd.grad(loss, (w, u, v))
    with torch.no_grad():
        for p, g in zip((w, u, v), grads, strict=True):
            p -= 0.1 * g
    print(repr(loss.item()))
tell(w, u, v)
