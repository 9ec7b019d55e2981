"""Two optimisers, but only one's gradients are cleared (an actor-critic slip)."""

import torch
import torch.nn as nn

torch.manual_seed(0)
actor = nn.Sequential(nn.Linear(4, 32), nn.Tanh(), nn.Linear(32, 1))
critic = nn.Sequential(nn.Linear(4, 32), nn.Tanh(), nn.Linear(32, 1))
actor_opt = torch.optim.Adam(actor.parameters(), lr=1e-3)
critic_opt = torch.optim.Adam(critic.parameters(), lr=1e-3)  # leak: BS502
goal = torch.randn(4)
for step in range(150):
    s = torch.randn(64, 4)
    ret = (s @ goal).unsqueeze(1)
    value_loss = nn.functional.mse_loss(critic(s), ret)
    actor_opt.zero_grad()
    value_loss.backward()  # leak: BS502
    critic_opt.step()  # leak: BS502

    actor_opt.zero_grad()
    pi_loss = nn.functional.mse_loss(actor(s), torch.sign(ret))
    pi_loss.backward()
    actor_opt.step()
print(value_loss.item())
