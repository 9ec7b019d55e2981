"""A two-layer ReLU classifier from bs.nn, trained on small batches with Adam."""

import numpy as np

import backsight as bs
from backsight import nn

rng = np.random.default_rng(1)
x = rng.normal(size=(512, 4)).astype(np.float32)
labels = (x[:, 0] * x[:, 1] > 0).astype(int)
model = nn.Sequential(nn.Linear(4, 64, rng), nn.ReLU(), nn.Linear(64, 2, rng))
optimiser = nn.optim.Adam(model, lr=3e-3)
for epoch in range(12):
    for rows in np.split(rng.permutation(512), 8):
        loss = bs.cross_entropy(model(x[rows]), labels=labels[rows])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
print(loss.item())
