"""Hidden layer initialised to a constant."""

import numpy as np

import backsight as bs
from backsight import nn

rng = np.random.default_rng(0)
W1 = bs.tensor(np.full((6, 20), 0.1), name="W1")  # leak: BS207
b1 = bs.tensor(np.zeros(20), name="b1")
W2 = bs.tensor(np.full((20, 2), 0.1), name="W2")  # leak: BS207
opt = nn.optim.SGD([W1, b1, W2], lr=0.1)
truth = rng.standard_normal(6)
for _ in range(120):
    x = rng.standard_normal((64, 6))
    h = np.tanh(x @ W1 + b1)
    loss = bs.cross_entropy(h @ W2, labels=(x @ truth > 0).astype(int))
    opt.zero_grad()
    loss.backward()
    opt.step()
print(float(loss.value))
