"""A learning rate of 1e-8 on the engine."""

import numpy as np

from backsight import nn

rng = np.random.default_rng(0)
net = nn.Sequential(nn.Linear(6, 32, rng), nn.ReLU(), nn.Linear(32, 1, rng))
opt = nn.optim.SGD(net, lr=1e-8)  # leak: BS507
w = rng.standard_normal(6).astype(np.float32)
x = rng.standard_normal((128, 6)).astype(np.float32)
for _ in range(200):
    loss = np.mean((net(x)[:, 0] - x @ w) ** 2)
    opt.zero_grad()
    loss.backward()
    opt.step()
print(float(loss.value))
