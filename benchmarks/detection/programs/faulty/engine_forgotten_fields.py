"""Layers made in a dataclass's __post_init__ are no fields: the optimiser never gets them."""

from dataclasses import dataclass, field

import numpy as np

import backsight as bs
from backsight import nn

rng = np.random.default_rng(0)


@dataclass
class Block:
    width: int
    gain: bs.Tensor = field(init=False)
    shift: bs.Tensor = field(init=False)

    def __post_init__(self):
        self.gain = bs.tensor(np.ones(self.width, np.float32))
        self.shift = bs.tensor(np.zeros(self.width, np.float32))
        self.up = nn.Linear(self.width, 2 * self.width, rng)  # leak: BS306
        self.down = nn.Linear(2 * self.width, self.width, rng)  # leak: BS306

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
print(losses[-1])
