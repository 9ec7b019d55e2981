"""VQ-VAE on points near a circle: codebook, commitment loss, straight-through."""

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)


class VectorQuantizer(nn.Module):
    def __init__(self, n=16, d=4, beta=0.25):
        super().__init__()
        self.book = nn.Embedding(n, d)
        nn.init.normal_(self.book.weight, std=0.5)
        self.beta = beta

    def forward(self, z):
        dist = torch.cdist(z, self.book.weight)
        idx = dist.argmin(dim=1)
        q = self.book(idx)
        loss = F.mse_loss(q, z.detach()) + self.beta * F.mse_loss(q.detach(), z)
        return z + (q - z).detach(), loss


encoder = nn.Sequential(nn.Linear(2, 32), nn.SiLU(), nn.Linear(32, 4))
decoder = nn.Sequential(nn.Linear(4, 32), nn.SiLU(), nn.Linear(32, 2))
vq = VectorQuantizer()
model = nn.ModuleList([encoder, vq, decoder])
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
recons = []
for step in range(300):
    angle = 6.2832 * torch.rand(128, 1)
    x = torch.cat([angle.cos(), angle.sin()], 1)
    q, vq_loss = vq(encoder(x))
    recon = F.mse_loss(decoder(q), x)
    optimizer.zero_grad()
    (recon + vq_loss).backward()
    optimizer.step()
    recons.append(recon.item())
print(recons[0], recons[-1])
assert recons[-1] < 0.3 * recons[0]
