"""Policy gradient on CartPole, as in PyTorch's own example."""

import gymnasium as gym
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.distributions import Categorical

env = gym.make("CartPole-v1")
torch.manual_seed(0)
eps = np.finfo(np.float32).eps.item()


class Policy(nn.Module):
    def __init__(self):
        super().__init__()
        self.affine1 = nn.Linear(4, 128)
        self.dropout = nn.Dropout(p=0.6)
        self.affine2 = nn.Linear(128, 2)
        self.saved_log_probs = []
        self.rewards = []

    def forward(self, x):
        x = F.relu(self.dropout(self.affine1(x)))
        return F.softmax(self.affine2(x), dim=1)


policy = Policy()
optimizer = optim.Adam(policy.parameters(), lr=1e-2)


def finish_episode(gamma=0.99):
    ret, returns = 0, []
    for r in policy.rewards[::-1]:
        ret = r + gamma * ret
        returns.insert(0, ret)
    returns = torch.tensor(returns)
    returns = (returns - returns.mean()) / (returns.std() + eps)
    policy_loss = [-lp * r for lp, r in zip(policy.saved_log_probs, returns, strict=True)]
    optimizer.zero_grad()
    torch.cat(policy_loss).sum().backward()
    optimizer.step()
    policy.rewards.clear()
    policy.saved_log_probs.clear()


lengths = []
for i_episode in range(90):
    state, _ = env.reset(seed=0 if i_episode == 0 else None)
    for t in range(200):
        m = Categorical(policy(torch.from_numpy(state).float().unsqueeze(0)))
        action = m.sample()
        policy.saved_log_probs.append(m.log_prob(action))
        state, reward, done, truncated, _ = env.step(action.item())
        policy.rewards.append(reward)
        if done or truncated:
            break
    lengths.append(t + 1)
    finish_episode()
print("mean length", np.mean(lengths[:20]), np.mean(lengths[-20:]))
assert np.mean(lengths[-20:]) > 1.3 * np.mean(lengths[:20])
