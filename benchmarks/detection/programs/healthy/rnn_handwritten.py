"""Vanilla RNN cell written by hand with orthogonal recurrent weights: running sum's sign."""

import torch

torch.manual_seed(0)
H, T, B = 32, 24, 64
Wx = (torch.randn(1, H) * 0.5).requires_grad_()
Wh = torch.nn.init.orthogonal_(torch.empty(H, H)).requires_grad_()
bh = torch.zeros(H, requires_grad=True)
Wo = (torch.randn(H, 1) / H**0.5).requires_grad_()
params = [Wx, Wh, bh, Wo]
opt = torch.optim.Adam(params, lr=2e-3)
losses = []
for it in range(250):
    x = torch.randn(T, B, 1)
    y = (x.sum(0) > 0).float()
    h = torch.zeros(B, H)
    for t in range(T):
        h = torch.tanh(x[t] @ Wx + h @ Wh + bh)
    loss = torch.nn.functional.binary_cross_entropy_with_logits(h @ Wo, y)
    opt.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(params, 1.0)
    opt.step()
    losses.append(loss.item())
print(losses[0], losses[-1])
assert sum(losses[-10:]) < 0.6 * sum(losses[:10])
