"""Sine regression with SGD, momentum and a falling learning rate."""

import numpy as np

from backsight import nn

rng = np.random.default_rng(0)
net = nn.Sequential(
    nn.Linear(1, 32, rng, start=nn.init.xavier_normal),
    nn.Tanh(),
    nn.Linear(32, 32, rng, start=nn.init.xavier_normal),
    nn.Tanh(),
    nn.Linear(32, 1, rng),
)
opt = nn.optim.SGD(net, lr=0.05, momentum=0.9)
hist = []
for step in range(400):
    opt.lr = 0.05 * (1 - step / 400)
    x = rng.uniform(-2, 2, (64, 1)).astype(np.float32)
    loss = np.mean((net(x) - np.sin(2 * x)) ** 2)
    opt.zero_grad()
    loss.backward()
    opt.step()
    hist.append(float(loss.value))
print(hist[0], hist[-1])
assert hist[-1] < 0.2 * hist[0]
