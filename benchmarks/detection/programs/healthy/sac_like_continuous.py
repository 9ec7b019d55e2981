"""Soft actor-critic's update on a one-step task: twin critics, tanh-Gaussian, learned alpha."""

import copy

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)


def mlp(i, o):
    return nn.Sequential(
        nn.Linear(i, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, o)
    )


class Actor(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = mlp(3, 2)

    def forward(self, s):
        mu, log_std = self.net(s).chunk(2, -1)
        log_std = torch.clamp(log_std, -5, 2)
        u = mu + log_std.exp() * torch.randn_like(mu)
        a = torch.tanh(u)
        logp = torch.distributions.Normal(mu, log_std.exp()).log_prob(u)
        logp = logp - torch.log(1 - a.pow(2) + 1e-6)
        return a, logp.sum(-1, keepdim=True)


actor, q1, q2 = Actor(), mlp(4, 1), mlp(4, 1)
q1_t, q2_t = copy.deepcopy(q1), copy.deepcopy(q2)
log_alpha = torch.zeros(1, requires_grad=True)
pi_opt = torch.optim.Adam(actor.parameters(), lr=1e-3)
q_opt = torch.optim.Adam([*q1.parameters(), *q2.parameters()], lr=1e-3)
a_opt = torch.optim.Adam([log_alpha], lr=1e-3)
goal = torch.tensor([0.6, -0.4, 0.3])
reward_log = []
for step in range(350):
    s = torch.randn(64, 3)
    with torch.no_grad():
        a, _ = actor(s)
    r = -((a - torch.tanh(s @ goal).unsqueeze(-1)) ** 2)
    s2, done = torch.randn(64, 3), (torch.rand(64, 1) < 0.5).float()
    with torch.no_grad():
        a2, lp2 = actor(s2)
        sa2 = torch.cat([s2, a2], 1)
        q_next = torch.min(q1_t(sa2), q2_t(sa2)) - log_alpha.exp() * lp2
        target = r + 0.5 * (1 - done) * q_next
    sa = torch.cat([s, a], 1)
    q_loss = F.mse_loss(q1(sa), target) + F.mse_loss(q2(sa), target)
    q_opt.zero_grad()
    q_loss.backward()
    q_opt.step()
    for p in (*q1.parameters(), *q2.parameters()):
        p.requires_grad_(False)
    a_new, lp = actor(s)
    sa_new = torch.cat([s, a_new], 1)
    pi_loss = (log_alpha.exp().detach() * lp - torch.min(q1(sa_new), q2(sa_new))).mean()
    pi_opt.zero_grad()
    pi_loss.backward()
    pi_opt.step()
    for p in (*q1.parameters(), *q2.parameters()):
        p.requires_grad_(True)
    alpha_loss = -(log_alpha * (lp.detach() - 1.0)).mean()
    a_opt.zero_grad()
    alpha_loss.backward()
    a_opt.step()
    with torch.no_grad():
        for q, qt in ((q1, q1_t), (q2, q2_t)):
            for p, pt in zip(q.parameters(), qt.parameters(), strict=True):
                pt.mul_(0.99).add_(0.01 * p)
    reward_log.append(r.mean().item())
print(sum(reward_log[:20]) / 20, sum(reward_log[-20:]) / 20)
assert sum(reward_log[-20:]) > 0.8 * sum(reward_log[:20])
