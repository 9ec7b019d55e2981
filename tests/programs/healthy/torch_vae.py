"""A variational autoencoder with the reparameterisation trick and free bits."""

import torch
from torch import nn

torch.manual_seed(0)


class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 8))
        self.dec = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 12))

    def forward(self, x):
        mu, log_var = self.enc(x).chunk(2, dim=1)
        z = mu + torch.randn_like(mu) * (0.5 * log_var).exp()
        return self.dec(z), mu, log_var


vae = VAE()
opt = torch.optim.Adam(vae.parameters(), lr=2e-3)
mix = torch.randn(3, 12)
for step in range(150):
    x = torch.randn(64, 3) @ mix
    out, mu, log_var = vae(x)
    kl = -0.5 * (1 + log_var - mu.pow(2) - log_var.exp()).mean(0)
    loss = nn.functional.mse_loss(out, x) + 0.1 * kl.clamp(min=0.05).sum()
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
