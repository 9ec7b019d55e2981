"""Biases far below zero on the engine."""

import numpy as np

import backsight as bs
from backsight import nn

rng = np.random.default_rng(0)
l1, l2 = nn.Linear(10, 64, rng), nn.Linear(64, 3, rng)
l1.b.value = np.where(np.arange(64) < 40, -15.0, 0.0).astype(np.float32)
opt = nn.optim.SGD([l1.w, l1.b, l2.w, l2.b], lr=0.02)
W = rng.standard_normal((10, 3))
for step in range(150):
    x = rng.standard_normal((64, 10)).astype(np.float32)
    h = bs.relu(l1(x))  # leak: BS201
    loss = bs.cross_entropy(l2(h), labels=(x @ W).argmax(1))
    opt.zero_grad()
    loss.backward()
    opt.step()
print(float(loss.value))
