"""A small convolutional network on random images with a pattern in them."""

import numpy as np

import backsight as bs


def train(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, size=128)
    images = rng.normal(size=(128, 1, 8, 8)).astype(np.float32)
    images[labels == 1, :, 2:6, 2:6] += 1.0
    images = (images - images.mean()) / images.std()
    first = bs.tensor(bs.nn.init.he_normal((8, 1, 3, 3), rng))
    second = bs.tensor(bs.nn.init.he_normal((16, 8, 3, 3), rng))
    head = bs.tensor((rng.normal(size=(16, 2)) / 4).astype(np.float32))
    optimizer = bs.nn.optim.Adam([first, second, head], lr=1e-3)
    for _ in range(60):
        batch = rng.integers(0, 128, size=32)
        h = bs.relu(bs.conv2d(images[batch], first))
        h = bs.max_pool2d(h, size=2)
        h = bs.relu(bs.conv2d(h, second))
        logits = np.mean(h, axis=(2, 3)) @ head
        loss = bs.cross_entropy(logits, labels=labels[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
