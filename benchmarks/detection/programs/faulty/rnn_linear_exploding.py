"""Linear recurrence whose transition matrix is a little too big."""

import torch

torch.manual_seed(0)
n, T = 16, 50
A = (torch.randn(n, n) * 1.35 / n**0.5).requires_grad_()  # leak: BS103
B = torch.randn(n, 1, requires_grad=True)
C = torch.randn(1, n, requires_grad=True)
opt = torch.optim.Adam([A, B, C], lr=1e-6)
for it in range(80):
    u = torch.randn(T, 1, 32)
    x = torch.zeros(n, 32)
    for t in range(T):
        x = A @ x + B @ u[t]  # leak: BS103
    loss = ((C @ x - u[-1]) ** 2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
