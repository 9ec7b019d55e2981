"""(N, 1) minus (N,) in a hand-written squared error on the engine."""

import numpy as np

from backsight import nn

rng = np.random.default_rng(0)
net = nn.Sequential(nn.Linear(4, 32, rng), nn.Tanh(), nn.Linear(32, 1, rng))
opt = nn.optim.Adam(net, lr=3e-3)
w = rng.standard_normal(4).astype(np.float32)
for _ in range(120):
    x = rng.standard_normal((32, 4)).astype(np.float32)
    loss = np.mean((net(x) - np.tanh(x @ w)) ** 2)  # leak: BS308
    opt.zero_grad()
    loss.backward()
    opt.step()
print(float(loss.value))
