"""Clipped regression error on the engine."""

import numpy as np

from backsight import nn

rng = np.random.default_rng(0)
net = nn.Sequential(nn.Linear(5, 32, rng), nn.Tanh(), nn.Linear(32, 1, rng))
opt = nn.optim.Adam(net, lr=1e-3)
w = 4 * rng.standard_normal(5)
for step in range(200):
    x = rng.standard_normal((64, 5)).astype(np.float32)
    error = net(x)[:, 0] - (x @ w).astype(np.float32)
    loss = np.mean(np.clip(error, -1, 1) ** 2)  # leak: BS301
    opt.zero_grad()
    loss.backward()
    opt.step()
print(float(loss.value))
