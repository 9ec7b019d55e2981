"""PPO's clipped surrogate: its clamp blocks gradient by design, outwards only."""

import torch
from torch import nn
from torch.distributions import Categorical

torch.manual_seed(3)
policy = nn.Sequential(nn.Linear(4, 32), nn.Tanh(), nn.Linear(32, 4))
optimizer = torch.optim.Adam(policy.parameters(), lr=3e-3)

for rollout in range(20):
    state = torch.randn(256, 4)
    with torch.no_grad():
        old = Categorical(logits=policy(state))
        action = old.sample()
        old_log_prob = old.log_prob(action)
        reward = (action == state.argmax(dim=1)).float()
        advantage = (reward - reward.mean()) / (reward.std() + 1e-8)
    for epoch in range(6):
        dist = Categorical(logits=policy(state))
        ratio = torch.exp(dist.log_prob(action) - old_log_prob)
        clipped = torch.clamp(ratio, 0.8, 1.2) * advantage
        loss = -torch.min(ratio * advantage, clipped).mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(policy.parameters(), 0.5)
        optimizer.step()
print(reward.mean().item())
