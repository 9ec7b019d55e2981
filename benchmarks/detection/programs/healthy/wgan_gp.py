"""WGAN-GP on eight Gaussians: five critic steps per generator step, double backward."""

import math

import torch
import torch.autograd as autograd
import torch.nn as nn

torch.manual_seed(0)
DIM, LAMBDA, CRITIC_ITERS, BATCH = 64, 10.0, 5, 64


def mlp(i, o):
    return nn.Sequential(
        nn.Linear(i, DIM), nn.ReLU(True), nn.Linear(DIM, DIM), nn.ReLU(True), nn.Linear(DIM, o)
    )


def sample_real(n):
    angle = 2 * math.pi * torch.randint(0, 8, (n,)) / 8
    return torch.stack([angle.cos(), angle.sin()], 1) + 0.05 * torch.randn(n, 2)


def gradient_penalty(critic, real, fake):
    alpha = torch.rand(real.size(0), 1)
    mix = (alpha * real + (1 - alpha) * fake).requires_grad_(True)
    score = critic(mix)
    grads = autograd.grad(score, mix, torch.ones_like(score), create_graph=True)[0]
    return LAMBDA * ((grads.norm(2, dim=1) - 1) ** 2).mean()


netG, netD = mlp(2, 2), mlp(2, 1)
optD = torch.optim.Adam(netD.parameters(), lr=1e-3, betas=(0.5, 0.9))
optG = torch.optim.Adam(netG.parameters(), lr=1e-3, betas=(0.5, 0.9))
w_dist = []
for it in range(120):
    for p in netD.parameters():
        p.requires_grad = True
    for _ in range(CRITIC_ITERS):
        real = sample_real(BATCH)
        with torch.no_grad():
            fake = netG(torch.randn(BATCH, 2))
        netD.zero_grad()
        d_real, d_fake = netD(real).mean(), netD(fake).mean()
        gp = gradient_penalty(netD, real, fake)
        (d_fake - d_real + gp).backward()
        optD.step()
    w_dist.append((d_real - d_fake).item())
    for p in netD.parameters():
        p.requires_grad = False
    netG.zero_grad()
    g_loss = -netD(netG(torch.randn(BATCH, 2))).mean()
    g_loss.backward()
    optG.step()
print("Wasserstein", w_dist[10], w_dist[-1])
assert abs(w_dist[-1]) < 0.8 * max(w_dist)
