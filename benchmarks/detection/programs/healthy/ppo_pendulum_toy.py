"""PPO with clipped ratio and clipped value loss on a toy point-mass task."""

import torch
import torch.nn as nn

torch.manual_seed(0)
actor = nn.Sequential(nn.Linear(2, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 1))
critic = nn.Sequential(nn.Linear(2, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 1))
log_std = nn.Parameter(torch.full((1,), -0.5))
optimizer = torch.optim.Adam(
    [*actor.parameters(), *critic.parameters(), log_std], lr=3e-4, eps=1e-5
)
clip, gamma = 0.2, 0.9


def rollout(n=64, horizon=16):
    x = torch.randn(n, 2)
    obs, acts, logp, rews = [], [], [], []
    for _ in range(horizon):
        with torch.no_grad():
            dist = torch.distributions.Normal(actor(x), log_std.exp())
            a = dist.sample()
        obs.append(x)
        acts.append(a)
        logp.append(dist.log_prob(a).sum(-1))
        v = x[:, 1:] + 0.3 * a.clamp(-1, 1)
        x = torch.cat([x[:, :1] + 0.3 * v, 0.9 * v], 1)
        rews.append(-(x[:, 0] ** 2).clamp(max=4.0))
    ret, out = torch.zeros(n), []
    for r in reversed(rews):
        ret = r + gamma * ret
        out.insert(0, ret)
    return torch.cat(obs), torch.cat(acts), torch.cat(logp), torch.cat(out), torch.stack(rews)


scores = []
for it in range(25):
    obs, act, old_logp, ret, rews = rollout()
    ret = (ret - ret.mean()) / (ret.std() + 1e-8)
    with torch.no_grad():
        old_v = critic(obs).squeeze(-1)
        adv = ret - old_v
        adv = (adv - adv.mean()) / (adv.std() + 1e-8)
    for _ in range(4):
        for idx in torch.randperm(len(obs)).split(256):
            dist = torch.distributions.Normal(actor(obs[idx]), log_std.exp())
            ratio = (dist.log_prob(act[idx]).sum(-1) - old_logp[idx]).exp()
            surr = torch.min(ratio * adv[idx], ratio.clamp(1 - clip, 1 + clip) * adv[idx])
            v = critic(obs[idx]).squeeze(-1)
            v_clip = old_v[idx] + (v - old_v[idx]).clamp(-clip, clip)
            v_loss = torch.max((v - ret[idx]) ** 2, (v_clip - ret[idx]) ** 2).mean()
            loss = -surr.mean() + 0.5 * v_loss - 0.001 * dist.entropy().mean()
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(actor.parameters(), 0.5)
            optimizer.step()
    scores.append(rews.mean().item())
print(scores[0], scores[-1])
assert scores[-1] > scores[0]
