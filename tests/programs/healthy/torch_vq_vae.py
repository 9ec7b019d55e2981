"""A VQ-VAE: argmin codes, a straight-through estimator, stopped gradients on both sides."""

import torch
from torch import nn

torch.manual_seed(0)
encoder = nn.Sequential(nn.Linear(8, 32), nn.Tanh(), nn.Linear(32, 4))
decoder = nn.Sequential(nn.Linear(4, 32), nn.Tanh(), nn.Linear(32, 8))
codebook = nn.Embedding(16, 4)
parameters = [*encoder.parameters(), *decoder.parameters(), *codebook.parameters()]
opt = torch.optim.Adam(parameters, lr=3e-3)
mixing = torch.randn(3, 8)
for step in range(150):
    x = torch.randn(128, 3) @ mixing + 0.1 * torch.randn(128, 8)
    z = encoder(x)
    index = torch.cdist(z, codebook.weight).argmin(dim=1)
    q = codebook(index)
    commitment = nn.functional.mse_loss(z, q.detach())
    codes = nn.functional.mse_loss(q, z.detach())
    out = decoder(z + (q - z).detach())
    loss = nn.functional.mse_loss(out, x) + codes + 0.25 * commitment
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
