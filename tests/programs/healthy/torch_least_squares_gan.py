"""A GAN with squared errors to constant targets, and a generator that ends in tanh."""

import torch
from torch import nn

torch.manual_seed(0)
gen = nn.Sequential(nn.Linear(4, 32), nn.LeakyReLU(0.2), nn.Linear(32, 6), nn.Tanh())
dis = nn.Sequential(nn.Linear(6, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1))
opt_g = torch.optim.Adam(gen.parameters(), lr=1e-3, betas=(0.5, 0.999))
opt_d = torch.optim.Adam(dis.parameters(), lr=1e-3, betas=(0.5, 0.999))
mix = 0.3 * torch.randn(3, 6)
real_is, fake_is = torch.ones(64, 1), torch.zeros(64, 1)
for step in range(150):
    real, fake = torch.tanh(torch.randn(64, 3) @ mix), gen(torch.randn(64, 4))
    loss_d = ((dis(real) - real_is) ** 2).mean() + ((dis(fake.detach()) - fake_is) ** 2).mean()
    opt_d.zero_grad()
    loss_d.backward()
    opt_d.step()
    loss_g = ((dis(fake) - real_is) ** 2).mean()
    opt_g.zero_grad()
    loss_g.backward()
    opt_g.step()
print(loss_d.item(), loss_g.item())
