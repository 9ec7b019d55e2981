"""REINFORCE with a baseline on a contextual bandit."""

import torch
import torch.nn.functional as F
from torch.distributions import Categorical

torch.manual_seed(0)
n_ctx, n_arm = 6, 4
W1 = torch.randn(n_ctx, 32) * 0.3
b1 = torch.zeros(32)
W2 = torch.randn(32, n_arm) * 0.1
b2 = torch.zeros(n_arm)
params = [W1, b1, W2, b2]
for p in params:
    p.requires_grad_()
optim = torch.optim.RMSprop(params, lr=3e-3)
best = torch.randn(n_ctx, n_arm)


def policy(ctx):
    h = torch.tanh(ctx @ W1 + b1)
    return Categorical(logits=h @ W2 + b2)


baseline, rewards = 0.0, []
for episode in range(400):
    ctx = torch.randn(64, n_ctx)
    dist = policy(ctx)
    action = dist.sample()
    reward = ((ctx @ best).argmax(-1) == action).float()
    baseline = 0.9 * baseline + 0.1 * reward.mean().item()
    loss = -(dist.log_prob(action) * (reward - baseline)).mean() - 0.01 * dist.entropy().mean()
    optim.zero_grad()
    loss.backward()
    optim.step()
    rewards.append(reward.mean().item())
first, last = sum(rewards[:20]) / 20, sum(rewards[-20:]) / 20
print(F.softmax(torch.zeros(1), 0).item(), first, last)
assert last > first + 0.2
