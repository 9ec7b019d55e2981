# mypy: ignore-errors
# ruff: noqa
"""Tell two rings apart with eight tanh layers."""

import numpy as np

import backsight as bs

rng = np.random.default_rng(3)

angle = rng.uniform(0, 2 * np.pi, 512)
labels = rng.integers(2, size=512)
radius = 0.5 + labels + 0.1 * rng.normal(size=512)
x = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)

sizes = [2] + [32] * 8
layers = []
for fan_in, fan_out in zip(sizes, sizes[1:]):
    w = bs.tensor(rng.normal(size=(fan_in, fan_out)) * 5 / 3 * np.sqrt(1 / fan_in))
    layers.append((w, bs.tensor(np.zeros(fan_out))))
head = bs.tensor(rng.normal(size=(32, 2)) * np.sqrt(1 / 32))


def forward(x):
    """Return the logits of both rings."""
    h = x
    for w, b in layers:
        h = bs.tanh(h @ w + b)
    return h @ head


optimiser = bs.nn.optim.SGD([layers, head], lr=0.02, momentum=0.9)
for epoch in range(150):
    loss = bs.cross_entropy(forward(x), labels=labels)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()

print(f"loss {loss.item():.4f}")
