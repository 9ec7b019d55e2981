"""A recurrent net by hand that adds up what it sees, its matrix orthogonal at the start."""

import torch

torch.manual_seed(0)
H, T = 16, 30
w = torch.linalg.qr(torch.randn(H, H))[0].requires_grad_()
w_in = (0.3 * torch.randn(1, H)).requires_grad_()
head = (torch.randn(H, 1) / H**0.5).requires_grad_()
opt = torch.optim.Adam([w, w_in, head], lr=2e-3)
for step in range(150):
    x = 0.2 * torch.randn(T, 32, 1)
    h = torch.zeros(32, H)
    for t in range(T):
        h = torch.tanh(x[t] @ w_in + h @ w)
    loss = (h @ head - x.sum(0)).pow(2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
