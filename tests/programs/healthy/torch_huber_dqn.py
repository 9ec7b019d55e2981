"""Q-learning on a chain of states with a target network and the Huber loss."""

import copy

import torch
from torch import nn

torch.manual_seed(0)
N = 8
online = nn.Sequential(nn.Linear(N, 32), nn.SiLU(), nn.Linear(32, 2))
target = copy.deepcopy(online)
opt = torch.optim.Adam(online.parameters(), lr=3e-3)
eye = torch.eye(N)
for step in range(250):
    s = torch.randint(N, (64,))
    a = torch.randint(2, (64,))
    s2 = (s + 2 * a - 1).clamp(0, N - 1)
    reward = torch.where(s2 == N - 1, 10.0, 0.0)
    with torch.no_grad():
        goal = reward + 0.9 * target(eye[s2]).max(1).values
    q = online(eye[s]).gather(1, a[:, None]).squeeze(1)
    loss = nn.functional.smooth_l1_loss(q, goal)
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step % 25 == 0:
        target.load_state_dict(online.state_dict())
print(loss.item())
