"""BYOL: online network with predictor, EMA target, symmetric cosine loss."""

import copy

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)


def projector(i, o, h=64):
    return nn.Sequential(nn.Linear(i, h), nn.BatchNorm1d(h), nn.ReLU(), nn.Linear(h, o))


class BYOL(nn.Module):
    def __init__(self, dim=32, tau=0.98):
        super().__init__()
        self.online = nn.Sequential(projector(16, dim), projector(dim, dim))
        self.target = copy.deepcopy(self.online)
        for p in self.target.parameters():
            p.requires_grad = False
        self.predictor = projector(dim, dim)
        self.tau = tau

    def loss(self, a, b):
        pa, pb = self.predictor(self.online(a)), self.predictor(self.online(b))
        with torch.no_grad():
            ta, tb = self.target(a), self.target(b)
        return 2 - F.cosine_similarity(pa, tb).mean() - F.cosine_similarity(pb, ta).mean()

    @torch.no_grad()
    def update_target(self):
        for o, t in zip(self.online.parameters(), self.target.parameters(), strict=True):
            t.data = self.tau * t.data + (1 - self.tau) * o.data


model = BYOL()
opt = torch.optim.Adam([*model.online.parameters(), *model.predictor.parameters()], lr=1e-3)
centres = torch.randn(10, 16) * 2
losses = []
for step in range(200):
    x = centres[torch.randint(0, 10, (64,))]
    loss = model.loss(x + 0.3 * torch.randn_like(x), x + 0.3 * torch.randn_like(x))
    opt.zero_grad()
    loss.backward()
    opt.step()
    model.update_target()
    losses.append(loss.item())
print(losses[0], losses[-1])
assert losses[-1] < 0.5 * losses[0]
