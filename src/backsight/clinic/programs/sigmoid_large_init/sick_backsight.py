# mypy: ignore-errors
# ruff: noqa
"""Tell the inner from the outer ring, with two sigmoid layers of weights that begin too large."""

import numpy as np

import backsight as bs

rng = np.random.default_rng(0)

angle = rng.uniform(0, 2 * np.pi, 512)
labels = rng.integers(2, size=512)
radius = 0.5 + labels + 0.1 * rng.normal(size=512)
x = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)

sizes = [2, 32, 32, 1]
weights = [bs.tensor(100 * rng.normal(size=shape)) for shape in zip(sizes[:2], sizes[1:3])]
head = bs.tensor(0.2 * rng.normal(size=(32, 1)))
biases = [bs.tensor(np.zeros(size)) for size in sizes[1:]]
optimiser = bs.nn.optim.Adam([*weights, head, *biases], lr=0.01)

for epoch in range(200):
    h = x
    for w, b in zip(weights, biases):
        h = bs.sigmoid(h @ w + b)
    logits = (h @ head + biases[-1])[:, 0]
    loss = bs.bce_with_logits(logits, labels)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()

print(f"loss {loss.item():.4f}")
