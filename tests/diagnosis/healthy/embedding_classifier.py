"""Embeddings of words, averaged, two layers on top."""

import numpy as np

import backsight as bs


def train(seed: int) -> None:
    rng = np.random.default_rng(seed)
    words = rng.integers(0, 200, size=(256, 12))
    labels = (np.sum(words < 60, axis=1) > 3).astype(int)
    table = bs.tensor(rng.normal(size=(200, 16)) * 0.5, name="table")
    w = bs.tensor(rng.normal(size=(16, 32)) * np.sqrt(2 / 16), name="w")
    v = bs.tensor(rng.normal(size=(32, 2)) / np.sqrt(32), name="v")
    optimizer = bs.nn.optim.Adam([table, w, v], lr=5e-3)
    for _ in range(100):
        batch = rng.integers(0, 256, size=32)
        h = np.mean(table[words[batch]], axis=1)
        loss = bs.cross_entropy(bs.relu(h @ w) @ v, labels=labels[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
