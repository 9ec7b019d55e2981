"""An MLP on the digits with Backsight's engine."""

import numpy as np
from sklearn.datasets import load_digits

import backsight as bs
from backsight import nn

rng = np.random.default_rng(0)
X, y = load_digits(return_X_y=True)
X = ((X - X.mean()) / X.std()).astype(np.float32)
net = nn.Sequential(
    nn.Linear(64, 64, rng), nn.ReLU(), nn.Linear(64, 32, rng), nn.ReLU(), nn.Linear(32, 10, rng)
)
opt = nn.optim.Adam(net, lr=2e-3)
losses = []
for epoch in range(6):
    for rows in np.array_split(rng.permutation(len(X)), 28):
        loss = bs.cross_entropy(net(X[rows]), labels=y[rows])
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(float(loss.value))
print(losses[0], losses[-1])
assert losses[-1] < 0.3 * losses[0]
