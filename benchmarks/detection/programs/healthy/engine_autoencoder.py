"""A tied autoencoder on the engine."""

import numpy as np
from sklearn.datasets import load_digits

import backsight as bs
from backsight import nn

rng = np.random.default_rng(0)
X = (load_digits().data / 16.0).astype(np.float32)
W = bs.tensor(nn.init.xavier_normal((64, 24), rng), name="W")
b1, b2 = bs.tensor(np.zeros(24, np.float32)), bs.tensor(np.zeros(64, np.float32))
opt = nn.optim.Adam([W, b1, b2], lr=5e-3)
curve = []
for epoch in range(10):
    for rows in np.array_split(rng.permutation(len(X)), 20):
        code = bs.sigmoid(X[rows] @ W + b1)
        out = code @ W.T + b2
        loss = np.mean((out - X[rows]) ** 2)
        opt.zero_grad()
        loss.backward()
        opt.step()
        curve.append(float(loss.value))
print(curve[0], curve[-1])
assert curve[-1] < 0.5 * curve[0]
