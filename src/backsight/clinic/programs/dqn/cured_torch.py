# mypy: ignore-errors
# ruff: noqa
"""Balance poles by deep Q-learning, with the Huber loss."""

import copy

import numpy as np
import torch
from torch import nn

torch.manual_seed(0)
rng = np.random.default_rng(0)
ENVIRONMENTS, BATCH, GAMMA = 8, 64, 0.99
REWARD = 1.5  # for each step that a pole stands


def environment_step(state, action):
    """Move carts and poles by 0.02 s; True where a pole fell or a cart left the track."""
    x, v, angle, spin = state.T
    push = (np.where(action == 1, 10.0, -10.0) + 0.05 * spin**2 * np.sin(angle)) / 1.1
    lift = 9.8 * np.sin(angle) - np.cos(angle) * push
    turn = lift / (0.5 * (4 / 3 - 0.1 * np.cos(angle) ** 2 / 1.1))
    thrust = push - 0.05 * turn * np.cos(angle) / 1.1
    rate = np.stack([v, thrust, spin, turn], axis=1)
    state = (state + 0.02 * rate).astype(np.float32)
    return state, (np.abs(state[:, 0]) > 2.4) | (np.abs(state[:, 2]) > 0.2095)


def begin(count):
    """Draw states close to upright."""
    return rng.uniform(-0.05, 0.05, size=(count, 4)).astype(np.float32)


@torch.no_grad()
def greedy(state):
    """Return the best action in each state."""
    return online(torch.from_numpy(state)).argmax(dim=1).numpy()


online = nn.Sequential(nn.Linear(4, 256), nn.ReLU(), nn.Linear(256, 2))
target = copy.deepcopy(online)
optimizer = torch.optim.Adam(online.parameters(), lr=1e-3)
shape = (5000, ENVIRONMENTS)
states, afters = np.zeros((*shape, 4), np.float32), np.zeros((*shape, 4), np.float32)
actions, overs = np.zeros(shape, np.int64), np.zeros(shape, np.float32)
state = begin(ENVIRONMENTS)
for step in range(5000):
    random = rng.random(ENVIRONMENTS) < max(0.05, 1 - step / 1500)
    action = np.where(random, rng.integers(2, size=ENVIRONMENTS), greedy(state))
    after, over = environment_step(state, action)
    states[step], actions[step], afters[step], overs[step] = state, action, after, over
    state = np.where(over[:, None], begin(ENVIRONMENTS), after)
    if step < 100:
        continue

    rows = rng.integers(step + 1, size=BATCH), rng.integers(ENVIRONMENTS, size=BATCH)
    replayed = (states[rows], actions[rows], afters[rows], overs[rows])
    s, a, s_next, terminal = map(torch.from_numpy, replayed)
    with torch.no_grad():
        target_q = REWARD + GAMMA * (1 - terminal) * target(s_next).max(dim=1).values
    q_acted = online(s).gather(1, a[:, None]).squeeze(1)
    loss = nn.functional.huber_loss(q_acted, target_q, delta=1.0)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 100 == 0:
        target.load_state_dict(online.state_dict())

state, alive, total = begin(50), np.ones(50, bool), 0
for _ in range(200):
    state, over = environment_step(state, greedy(state))
    alive &= ~over
    total += alive.mean()
print(f"return {total:.1f}")
