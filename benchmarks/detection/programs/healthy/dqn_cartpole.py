"""DQN with replay, target network and smooth L1 loss."""

import random
from collections import deque

import gymnasium as gym
import torch
import torch.nn as nn

random.seed(0)
torch.manual_seed(0)
env = gym.make("CartPole-v1")
env.action_space.seed(0)


def make_net():
    return nn.Sequential(
        nn.Linear(4, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2)
    )


policy_net, target_net = make_net(), make_net()
target_net.load_state_dict(policy_net.state_dict())
optimizer = torch.optim.AdamW(policy_net.parameters(), lr=1e-3, amsgrad=True)
memory = deque(maxlen=5000)
BATCH, GAMMA, TAU = 64, 0.97, 0.02


def optimize():
    batch = random.sample(memory, BATCH)
    s, a, r, s2, done = (torch.stack(x) for x in zip(*batch, strict=True))
    q = policy_net(s).gather(1, a.unsqueeze(1)).squeeze(1)
    with torch.no_grad():
        target = r + GAMMA * (1 - done) * target_net(s2).max(1).values
    loss = nn.SmoothL1Loss()(q, target)
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_value_(policy_net.parameters(), 100)
    optimizer.step()


steps, lengths = 0, []
for episode in range(250):
    state, _ = env.reset(seed=0 if episode == 0 else None)
    state = torch.tensor(state)
    for t in range(300):
        steps += 1
        if random.random() < max(0.05, 1 - steps / 1000):
            action = env.action_space.sample()
        else:
            with torch.no_grad():
                action = policy_net(state).argmax().item()
        nxt, reward, term, trunc, _ = env.step(action)
        nxt = torch.tensor(nxt)
        memory.append(
            (
                state,
                torch.tensor(action),
                torch.tensor(reward, dtype=torch.float32),
                nxt,
                torch.tensor(float(term)),
            )
        )
        state = nxt
        if len(memory) > 300 and steps % 2 == 0:
            optimize()
            with torch.no_grad():
                for tp, pp in zip(target_net.parameters(), policy_net.parameters(), strict=True):
                    tp.mul_(1 - TAU).add_(TAU * pp)
        if term or trunc:
            break
    lengths.append(t + 1)
    if steps > 2500:
        break
print(lengths[-10:])
assert sum(lengths[-10:]) > 1.5 * sum(lengths[:10])
