"""A hand-written RNN with spectral radius 0.5 that is to remember its first input."""

import numpy as np

import backsight as bs

LEAK = "BS104"


def train(seed: int) -> None:
    rng = np.random.default_rng(seed)
    T, H = 60, 16
    u = bs.tensor(rng.normal(size=(1, H)) * 0.5, name="u")
    w = bs.tensor(np.linalg.qr(rng.normal(size=(H, H)))[0] * 0.5, name="w")
    v = bs.tensor(rng.normal(size=(H, 1)) * 0.05, name="v")
    for _ in range(120):
        x = rng.normal(size=(T, 64, 1))
        h = np.zeros((64, H))
        for t in range(T):
            h = np.tanh(x[t] @ u + h @ w)
        loss = np.mean((h @ v - np.sign(x[0])) ** 2)
        for p in (u, w, v):
            p.grad = None
        loss.backward()
        for p in (u, w, v):
            p.value -= 0.005 * p.grad
