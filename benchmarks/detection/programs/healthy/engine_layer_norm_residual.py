"""Residual MLP with layer norm and GELU on the engine, warm-up from zero."""

import numpy as np

import backsight as bs
from backsight import nn

rng = np.random.default_rng(0)


class Block:
    def __init__(self, width):
        self.gain = bs.tensor(np.ones(width, np.float32))
        self.shift = bs.tensor(np.zeros(width, np.float32))
        self.up = nn.Linear(width, 2 * width, rng)
        self.down = nn.Linear(2 * width, width, rng)

    def __call__(self, x):
        h = bs.layer_norm(x, self.gain, self.shift)
        return x + 0.3 * self.down(bs.gelu(self.up(h)))


net = nn.Sequential(nn.Linear(6, 32, rng), Block(32), Block(32), nn.Linear(32, 3, rng))
opt = nn.optim.Adam(net, lr=0.0)
W = rng.standard_normal((6, 3))
losses = []
for step in range(250):
    opt.lr = 2e-3 * min(1.0, step / 30)
    x = rng.standard_normal((64, 6)).astype(np.float32)
    loss = bs.cross_entropy(net(x), labels=(x @ W).argmax(1))
    opt.zero_grad()
    loss.backward()
    opt.step()
    losses.append(float(loss.value))
print(losses[0], losses[-1])
assert losses[-1] < 0.5 * losses[0]
