"""Advantage actor-critic on a corridor; shared trunk, two heads, entropy bonus."""

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)
SIZE, N_ENV, HORIZON, GAMMA = 8, 16, 12, 0.95


class ActorCritic(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(SIZE, 64), nn.Tanh())
        self.pi = nn.Linear(64, 2)
        self.v = nn.Linear(64, 1)

    def forward(self, obs):
        h = self.trunk(obs)
        return self.pi(h), self.v(h).squeeze(-1)


model = ActorCritic()
opt = torch.optim.Adam(model.parameters(), lr=3e-3)
pos = torch.randint(0, SIZE - 1, (N_ENV,))
returns_log = []
for update in range(150):
    logps, values, rewards, dones, entropies = [], [], [], [], []
    for _ in range(HORIZON):
        logits, value = model(F.one_hot(pos, SIZE).float())
        dist = torch.distributions.Categorical(logits=logits)
        act = dist.sample()
        pos = (pos + 2 * act - 1).clamp(0, SIZE - 1)
        done = pos == SIZE - 1
        rewards.append(done.float() - 0.01)
        dones.append(done.float())
        pos = torch.where(done, torch.randint(0, SIZE - 1, pos.shape), pos)
        logps.append(dist.log_prob(act))
        values.append(value)
        entropies.append(dist.entropy())
    with torch.no_grad():
        _, ret = model(F.one_hot(pos, SIZE).float())
    targets = []
    for r, d in zip(reversed(rewards), reversed(dones), strict=True):
        ret = r + GAMMA * (1 - d) * ret
        targets.insert(0, ret)
    target, value = torch.stack(targets), torch.stack(values)
    advantage = (target - value).detach()
    loss = (
        -(torch.stack(logps) * advantage).mean()
        + 0.5 * F.mse_loss(value, target)
        - 0.01 * torch.stack(entropies).mean()
    )
    opt.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 0.5)
    opt.step()
    returns_log.append(torch.stack(rewards).mean().item())
print(returns_log[0], returns_log[-1])
assert sum(returns_log[-10:]) > 1.5 * sum(returns_log[:10])
