"""Fitted Q values with Huber loss and a frozen target on the engine."""

import copy

import numpy as np

import backsight as bs
from backsight import nn

rng = np.random.default_rng(0)
online = nn.Sequential(nn.Linear(4, 64, rng), nn.ReLU(), nn.Linear(64, 3, rng))
target = copy.deepcopy(online)
opt = nn.optim.Adam(online, lr=2e-3)
pay = rng.standard_normal((4, 3))
losses = []
for step in range(300):
    s, s2 = rng.standard_normal((2, 64, 4)).astype(np.float32)
    a = rng.integers(0, 3, 64)
    r = (s @ pay)[np.arange(64), a].astype(np.float32)
    with bs.no_grad():
        y = r + 0.5 * target(s2).value.max(axis=1)
    delta = y - online(s)[np.arange(64), a]
    loss = np.mean(bs.huber(delta, delta=1.0))
    opt.zero_grad()
    loss.backward()
    opt.step()
    losses.append(float(loss.value))
    if step % 50 == 49:
        target = copy.deepcopy(online)
print(losses[0], losses[-1])
assert np.mean(losses[-20:]) < 0.7 * np.mean(losses[:20])
