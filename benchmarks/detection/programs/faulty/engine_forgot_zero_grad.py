"""opt.zero_grad() forgotten on the engine."""

import numpy as np

import backsight as bs
from backsight import nn

rng = np.random.default_rng(0)
net = nn.Sequential(nn.Linear(6, 32, rng), nn.ReLU(), nn.Linear(32, 2, rng))
opt = nn.optim.SGD(net, lr=0.005)  # leak: BS502
w = rng.standard_normal(6)
for _ in range(120):
    x = rng.standard_normal((64, 6)).astype(np.float32)
    loss = bs.cross_entropy(net(x), labels=(x @ w > 0).astype(int))
    loss.backward()  # leak: BS502
    opt.step()  # leak: BS502
print(float(loss.value))
