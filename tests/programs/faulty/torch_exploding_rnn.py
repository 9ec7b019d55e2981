"""A hand-written recurrent net whose matrix stretches every state by 1.4."""

import torch

torch.manual_seed(0)
H, T = 24, 50
w = torch.linalg.qr(torch.randn(H, H))[0]
w = (1.4 * w).requires_grad_()
w_in = torch.randn(1, H, requires_grad=True)
head = (torch.randn(H, 1) / H).requires_grad_()
opt = torch.optim.SGD([w, w_in, head], lr=1e-3)
for step in range(40):
    x = 1e-3 * torch.randn(T, 16, 1)
    h = torch.zeros(16, H)
    for t in range(T):
        h = torch.tanh(x[t] @ w_in + h @ w)  # leak: BS103
    loss = (h @ head - x.mean(0)).pow(2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
