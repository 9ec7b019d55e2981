"""REINFORCE with a baseline on a contextual bandit: sampled actions, detached advantages."""

import torch
from torch import nn
from torch.distributions import Categorical

torch.manual_seed(2)
policy = nn.Sequential(nn.Linear(4, 32), nn.Tanh(), nn.Linear(32, 4))
value = nn.Sequential(nn.Linear(4, 32), nn.Tanh(), nn.Linear(32, 1))
optimizer = torch.optim.Adam([*policy.parameters(), *value.parameters()], lr=5e-3)

for step in range(150):
    state = torch.randn(128, 4)
    dist = Categorical(logits=policy(state))
    action = dist.sample()
    reward = (action == state.argmax(dim=1)).float()
    baseline = value(state).squeeze(1)
    advantage = reward - baseline.detach()
    policy_loss = -(dist.log_prob(action) * advantage).mean()
    value_loss = nn.functional.mse_loss(baseline, reward)
    loss = policy_loss + 0.5 * value_loss - 0.01 * dist.entropy().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print(reward.mean().item())
