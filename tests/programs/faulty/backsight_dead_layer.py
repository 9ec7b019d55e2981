"""A ReLU layer of which most units can never be active."""

import numpy as np

import backsight as bs

rng = np.random.default_rng(3)
w, v = bs.tensor(rng.normal(size=(5, 40)) * 0.6), bs.tensor(rng.normal(size=(40, 1)) / 6)
b = bs.tensor(np.where(np.arange(40) < 25, -30.0, 0.0))
optimiser = bs.nn.optim.SGD([w, b, v], lr=0.01)
for step in range(100):
    x = rng.normal(size=(64, 5))
    y = np.abs(x[:, :1])
    h = bs.relu(x @ w + b)  # leak: BS201
    loss = np.mean((h @ v - y) ** 2)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
print(loss.item())
