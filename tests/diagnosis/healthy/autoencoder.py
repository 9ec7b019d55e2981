"""A sigmoid autoencoder of binary vectors, targets in the range of its output."""

import numpy as np

import backsight as bs


def train(seed: int) -> None:
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 2, size=(256, 4))
    x = (codes @ rng.integers(0, 2, size=(4, 20)) % 2).astype(float)
    encoder = bs.tensor(rng.normal(size=(20, 16)) / np.sqrt(20), name="encoder")
    decoder = bs.tensor(rng.normal(size=(16, 20)) / np.sqrt(16), name="decoder")
    bias = bs.tensor(np.zeros(20), name="bias")
    for _ in range(120):
        batch = x[rng.integers(0, 256, size=64)]
        hidden = np.tanh((batch - 0.5) @ encoder)
        loss = np.mean((bs.sigmoid(hidden @ decoder + bias) - batch) ** 2)
        for p in (encoder, decoder, bias):
            p.grad = None
        loss.backward()
        for p in (encoder, decoder, bias):
            p.value -= 2.0 * p.grad
