"""Seven sigmoid layers on the engine."""

import numpy as np

import backsight as bs
from backsight import nn

rng = np.random.default_rng(0)
layers = []
for i in range(7):
    width = 32 if i else 16
    layers.append(nn.Linear(width, 32, rng, start=nn.init.xavier_uniform))  # leak: BS101
    layers.append(nn.Sigmoid())  # leak: BS101
net = nn.Sequential(*layers, nn.Linear(32, 4, rng, start=nn.init.xavier_uniform))
opt = nn.optim.SGD(net, lr=0.1)
W = rng.standard_normal((16, 4))
for step in range(150):
    x = rng.standard_normal((64, 16)).astype(np.float32)
    loss = bs.cross_entropy(net(x), labels=(x @ W).argmax(1))
    opt.zero_grad()
    loss.backward()
    opt.step()
print(float(loss.value))
