import random
from collections import deque

import gymnasium
import numpy as np
import torch
from ending import tell
from torch import nn

random.seed(0), np.random.seed(0), torch.manual_seed(0)
env = gymnasium.make("CartPole-v1")
q, target = (nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 2)) for _ in range(2))
target.load_state_dict(q.state_dict())
opt = torch.optim.Adam(q.parameters(), 1e-3)
memory: deque = deque(maxlen=500)
state, _ = env.reset(seed=0)
total = 0.0
for step in range(90):
    if random.random() < 0.2:
        action = random.randrange(2)
    else:
        with torch.no_grad():
            action = q(torch.as_tensor(state)).argmax().item()
    after, reward, ended, cut, _ = env.step(action)
    memory.append((state, action, reward, after, ended))
    total += reward
    state = env.reset()[0] if ended or cut else after
    if len(memory) < 32:
        continue
    s, a, r, n, d = zip(*random.sample(memory, 32), strict=True)
    s, n = (torch.as_tensor(np.stack(each)) for each in (s, n))
    a, r, d = torch.tensor(a), torch.tensor(r), torch.tensor(d).float()
    with torch.no_grad():
        goal = r + 0.99 * (1 - d) * target(n).max(1).values
    error = q(s).gather(1, a[:, None])[:, 0] - goal
    loss = (error.clamp(-1, 1) ** 2).mean()
    opt.zero_grad()
    loss.backward()
    nn.utils.clip_grad_value_(q.parameters(), 1.0)
    opt.step()
    if step % 20 == 0:
        target.load_state_dict(q.state_dict())
        print(repr(loss.item()), total)
tell(*q.parameters(), total=total)
