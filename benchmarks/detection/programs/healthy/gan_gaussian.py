"""GAN that learns a one-dimensional Gaussian (the classic tutorial)."""

import torch
from torch import nn

torch.manual_seed(0)
real_mean, real_std = 4.0, 1.25
batch = 128


class Generator(nn.Module):
    def __init__(self, latent=8, hidden=32):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(latent, hidden),
            nn.Tanh(),
            nn.Linear(hidden, hidden),
            nn.Tanh(),
            nn.Linear(hidden, 1),
        )

    def forward(self, z):
        return self.net(z)


G = Generator()
D = nn.Sequential(
    nn.Linear(1, 32), nn.LeakyReLU(0.2), nn.Linear(32, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1)
)
bce = nn.BCEWithLogitsLoss()
opt_g = torch.optim.Adam(G.parameters(), lr=2e-3, betas=(0.5, 0.999))
opt_d = torch.optim.Adam(D.parameters(), lr=2e-3, betas=(0.5, 0.999))
ones, zeros = torch.ones(batch, 1), torch.zeros(batch, 1)
with torch.no_grad():
    gap0 = abs(G(torch.randn(2000, 8)).mean() - real_mean)
for step in range(600):
    # discriminator
    real = real_mean + real_std * torch.randn(batch, 1)
    fake = G(torch.randn(batch, 8)).detach()
    loss_d = bce(D(real), ones) + bce(D(fake), zeros)
    opt_d.zero_grad()
    loss_d.backward()
    opt_d.step()
    # generator
    loss_g = bce(D(G(torch.randn(batch, 8))), ones)
    opt_g.zero_grad()
    loss_g.backward()
    opt_g.step()
with torch.no_grad():
    sample = G(torch.randn(2000, 8))
gap = abs(sample.mean() - real_mean)
print(f"mean {sample.mean():.2f} std {sample.std():.2f}")
assert gap < 0.5 * gap0
