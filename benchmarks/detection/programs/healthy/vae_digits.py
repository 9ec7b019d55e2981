"""Variational autoencoder on the digits with KL warm-up."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.manual_seed(0)
data = torch.from_numpy(load_digits().data / 16.0).float()


class VAE(nn.Module):
    def __init__(self, z=8):
        super().__init__()
        self.fc1 = nn.Linear(64, 128)
        self.fc_mu = nn.Linear(128, z)
        self.fc_logvar = nn.Linear(128, z)
        self.fc3 = nn.Linear(z, 128)
        self.fc4 = nn.Linear(128, 64)

    def encode(self, x):
        h = F.relu(self.fc1(x))
        return self.fc_mu(h), self.fc_logvar(h)

    def reparameterize(self, mu, logvar):
        return mu + torch.randn_like(mu) * torch.exp(0.5 * logvar)

    def forward(self, x):
        mu, logvar = self.encode(x)
        z = self.reparameterize(mu, logvar)
        return torch.sigmoid(self.fc4(F.relu(self.fc3(z)))), mu, logvar


def loss_function(recon, x, mu, logvar, beta):
    bce = F.binary_cross_entropy(recon, x, reduction="sum") / len(x)
    kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp()) / len(x)
    return bce + beta * kld


model = VAE()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
epoch_losses = []
for epoch in range(8):
    running = 0.0
    for x in data[torch.randperm(len(data))].split(64):
        recon, mu, logvar = model(x)
        loss = loss_function(recon, x, mu, logvar, beta=min(1.0, epoch / 4))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        running += loss.item()
    epoch_losses.append(running)
    print(f"====> epoch {epoch} loss {running:.1f}")
assert epoch_losses[-1] < 0.9 * epoch_losses[0]
