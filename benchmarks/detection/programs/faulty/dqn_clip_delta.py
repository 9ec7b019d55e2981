"""Q-learning with the TD error clipped before squaring (the Nature paper misread)."""

import copy

import torch
import torch.nn as nn

torch.manual_seed(0)
q_net = nn.Sequential(nn.Linear(4, 64), nn.ReLU(), nn.Linear(64, 3))
target_net = copy.deepcopy(q_net)
optimizer = torch.optim.RMSprop(q_net.parameters(), lr=1e-3)
reward_w = torch.randn(4, 3) * 4
for step in range(250):
    s, s2 = torch.randn(64, 4), torch.randn(64, 4)
    a = torch.randint(0, 3, (64, 1))
    r = (s @ reward_w).gather(1, a)
    with torch.no_grad():
        y = r + 0.9 * target_net(s2).max(1, keepdim=True)[0]
    delta = y - q_net(s).gather(1, a)
    clipped = delta.clamp(-1, 1)  # leak: BS301
    loss = (clipped**2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 50 == 0:
        target_net.load_state_dict(q_net.state_dict())
        print(step, loss.item())
