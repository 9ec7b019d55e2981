"""Batch normalisation between linear layers and ReLU, SGD with momentum."""

from itertools import pairwise

import numpy as np

import backsight as bs


def train(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(256, 10))
    labels = (x[:, 0] * x[:, 1] > 0).astype(int)
    sizes = [10, 32, 32, 32]
    layers = []
    for entering, leaving in pairwise(sizes):
        layers.append(
            (
                bs.tensor(rng.normal(size=(entering, leaving)) * np.sqrt(2 / entering)),
                bs.tensor(np.ones(leaving)),
                bs.tensor(np.zeros(leaving)),
            )
        )
    head = bs.tensor(rng.normal(size=(32, 2)) / np.sqrt(32))
    optimizer = bs.nn.optim.SGD(
        [*(p for layer in layers for p in layer), head], lr=0.02, momentum=0.9
    )
    for _ in range(100):
        batch = rng.integers(0, 256, size=64)
        h = x[batch]
        for w, gamma, beta in layers:
            h = bs.relu(bs.batch_norm(h @ w, gamma, beta))
        loss = bs.cross_entropy(h @ head, labels=labels[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
