"""Six tanh layers with Xavier's start: gradients keep their size."""

import numpy as np

import backsight as bs

rng = np.random.default_rng(3)
x = rng.normal(size=(256, 16))
y = np.sin(x[:, :1]) + 0.5 * x[:, 1:2]
weights = [bs.tensor(rng.normal(size=(16, 16)) * 5 / 3 / 4) for _ in range(6)]
head = bs.tensor(rng.normal(size=(16, 1)) / 4)
optimiser = bs.nn.optim.SGD([weights, head], lr=0.02)
for step in range(150):
    h = x
    for w in weights:
        h = np.tanh(h @ w)
    loss = np.mean((h @ head - y) ** 2)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
print(loss.item())
