# mypy: ignore-errors
# ruff: noqa
"""Fit a wave with a ReLU network, at a moderate learning rate."""

import numpy as np

import backsight as bs

rng = np.random.default_rng(2)

x = rng.uniform(-2, 2, size=(1024, 2)).astype(np.float32)
y = (np.sin(2 * x[:, :1]) + x[:, 1:] ** 2).astype(np.float32)

model = bs.nn.Sequential(
    bs.nn.Linear(2, 64, rng),
    bs.relu,
    bs.nn.Linear(64, 64, rng),
    bs.relu,
    bs.nn.Linear(64, 1, rng),
)
optimiser = bs.nn.optim.Adam(model, lr=0.001)

for epoch in range(30):
    for rows in np.split(rng.permutation(len(x)), 16):
        loss = np.mean((model(x[rows]) - y[rows]) ** 2)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

with bs.no_grad():
    print(f"loss {np.mean((model(x) - y) ** 2).item():.4f}")
