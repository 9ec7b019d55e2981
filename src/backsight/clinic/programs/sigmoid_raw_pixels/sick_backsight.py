# mypy: ignore-errors
# ruff: noqa
"""Tell four patterns of 8 by 8 pixels apart, with a sigmoid network that is fed raw pixels."""

import numpy as np

import backsight as bs

rng = np.random.default_rng(1)


def images(count):
    """Draw pale pictures of four patterns: grey levels from 0 to 255."""
    labels = rng.integers(4, size=count)
    pictures = 150 + 15 * patterns[labels] + 15 * rng.normal(size=(count, 64))
    return np.clip(np.round(pictures), 0, 255), labels


patterns = np.sign(rng.normal(size=(4, 64)))
pixels, labels = images(1024)
x = pixels.astype(np.float32)

model = bs.nn.Sequential(
    bs.nn.Linear(64, 16, rng, start=bs.nn.init.xavier_normal),
    bs.sigmoid,
    bs.nn.Linear(16, 16, rng, start=bs.nn.init.xavier_normal),
    bs.sigmoid,
    bs.nn.Linear(16, 4, rng, start=bs.nn.init.xavier_normal),
)
optimiser = bs.nn.optim.SGD(model, lr=0.1, momentum=0.9)

for epoch in range(12):
    order = rng.permutation(len(x))
    for rows in np.split(order, 16):
        loss = bs.cross_entropy(model(x[rows]), labels=labels[rows])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

with bs.no_grad():
    print(f"loss {bs.cross_entropy(model(x), labels=labels).item():.4f}")
