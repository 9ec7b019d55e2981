"""Softmax before a cross-entropy that has its own."""

import numpy as np

import backsight as bs
from backsight import nn

rng = np.random.default_rng(0)
net = nn.Sequential(nn.Linear(8, 32, rng), nn.ReLU(), nn.Linear(32, 5, rng))
opt = nn.optim.Adam(net, lr=1e-3)
W = rng.standard_normal((8, 5))
for _ in range(120):
    x = rng.standard_normal((64, 8)).astype(np.float32)
    p = bs.softmax(net(x))  # leak: BS307
    loss = bs.cross_entropy(p, labels=(x @ W).argmax(1))  # leak: BS307
    opt.zero_grad()
    loss.backward()
    opt.step()
print(float(loss.value))
