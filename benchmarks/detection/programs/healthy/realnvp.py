"""RealNVP on two moons: affine couplings, log-likelihood."""

import torch
import torch.nn as nn
from sklearn.datasets import make_moons

torch.manual_seed(0)


class Coupling(nn.Module):
    def __init__(self, flip, hidden=32):
        super().__init__()
        self.flip = flip
        self.net = nn.Sequential(
            nn.Linear(1, hidden),
            nn.LeakyReLU(),
            nn.Linear(hidden, hidden),
            nn.LeakyReLU(),
            nn.Linear(hidden, 2),
        )
        nn.init.zeros_(self.net[-1].weight)
        nn.init.zeros_(self.net[-1].bias)

    def forward(self, x):
        a, b = x.chunk(2, 1)
        if self.flip:
            a, b = b, a
        s, t = self.net(a).chunk(2, 1)
        s = torch.tanh(s)
        b = b * s.exp() + t
        return torch.cat([b, a] if self.flip else [a, b], 1), s.squeeze(1)


flow = nn.ModuleList(Coupling(i % 2 == 1) for i in range(6))
prior = torch.distributions.MultivariateNormal(torch.zeros(2), torch.eye(2))
points = torch.tensor(make_moons(2000, noise=0.05, random_state=0)[0], dtype=torch.float32)
points = (points - points.mean(0)) / points.std(0)
opt = torch.optim.Adam(flow.parameters(), lr=2e-3)
nll = []
for it in range(250):
    z = points[torch.randint(0, 2000, (128,))]
    log_det = 0
    for layer in flow:
        z, ld = layer(z)
        log_det = log_det + ld
    loss = -(prior.log_prob(z) + log_det).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    nll.append(loss.item())
print(nll[0], nll[-1])
assert sum(nll[-10:]) / 10 < nll[0] - 0.4
