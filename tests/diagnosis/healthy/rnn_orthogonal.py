"""A hand-written tanh RNN with an orthogonal recurrent weight, by plain descent."""

import numpy as np

import backsight as bs


def train(seed: int) -> None:
    rng = np.random.default_rng(seed)
    T, H = 20, 16
    u = bs.tensor(rng.normal(size=(1, H)), name="u")
    w = bs.tensor(np.linalg.qr(rng.normal(size=(H, H)))[0], name="w")
    b = bs.tensor(np.zeros(H), name="b")
    v = bs.tensor(rng.normal(size=(H, 1)) / np.sqrt(H), name="v")
    for _ in range(60):
        x = rng.normal(size=(T, 32, 1)) * 0.3
        h = np.zeros((32, H))
        for t in range(T):
            h = np.tanh(x[t] @ u + h @ w + b)
        loss = np.mean((h @ v - x[0] - x[T // 2]) ** 2)
        for p in (u, w, b, v):
            p.grad = None
        loss.backward()
        for p in (u, w, b, v):
            p.value -= 0.02 * p.grad
