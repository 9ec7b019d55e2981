"""A DQN update whose TD error is clipped before it is squared."""

import copy

import torch
from torch import nn

torch.manual_seed(0)
N = 8
online = nn.Sequential(nn.Linear(N, 32), nn.ReLU(), nn.Linear(32, 2))
target = copy.deepcopy(online)
opt = torch.optim.Adam(online.parameters(), lr=1e-3)
eye = torch.eye(N)
for step in range(150):
    s, a = torch.randint(N, (64,)), torch.randint(2, (64,))
    s2 = (s + 2 * a - 1).clamp(0, N - 1)
    with torch.no_grad():
        goal = 5.0 + 0.9 * target(eye[s2]).max(1).values
    delta = goal - online(eye[s]).gather(1, a[:, None]).squeeze(1)
    loss = torch.clamp(delta, -1, 1).pow(2).mean()  # leak: BS301
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step % 50 == 0:
        target.load_state_dict(online.state_dict())
print(loss.item())
