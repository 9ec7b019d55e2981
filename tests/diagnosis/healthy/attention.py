"""One block of self-attention, written out, that copies the token after a marker."""

import numpy as np

import backsight as bs


def train(seed: int) -> None:
    rng = np.random.default_rng(seed)
    T, D = 8, 16
    table = bs.tensor(rng.normal(size=(10 + T, D)) * 0.5, name="table")
    q, k, v, o = (bs.tensor(rng.normal(size=(D, D)) / np.sqrt(D)) for _ in range(4))
    head = bs.tensor(rng.normal(size=(D, 10)) / np.sqrt(D), name="head")
    optimizer = bs.nn.optim.Adam([table, q, k, v, o, head], lr=3e-3)
    for _ in range(80):
        tokens = rng.integers(0, 10, size=(32, T))
        x = table[tokens] + table[np.arange(10, 10 + T)]
        scores = (x @ q) @ np.swapaxes(x @ k, 1, 2) / np.sqrt(D)
        h = x + bs.softmax(scores) @ (x @ v) @ o
        logits = np.reshape(h @ head, (32 * T, 10))
        loss = bs.cross_entropy(logits, labels=np.roll(tokens, 1, axis=1).reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
