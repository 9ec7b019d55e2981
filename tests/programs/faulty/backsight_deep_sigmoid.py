"""Eight sigmoid layers at a usual start."""

import numpy as np

import backsight as bs

rng = np.random.default_rng(6)
x = rng.normal(size=(128, 16))
y = np.sin(x[:, :1])
layers = [bs.tensor(rng.normal(size=(16, 16)) / 4) for _ in range(8)]  # leak: BS101
head = bs.tensor(rng.normal(size=(16, 1)) / 4)
optimiser = bs.nn.optim.SGD([layers, head], lr=0.02, momentum=0.9)
for step in range(60):
    h = x
    for w in layers:
        h = bs.sigmoid(h @ w)
    loss = np.mean((h @ head - y) ** 2)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
print(loss.item())
