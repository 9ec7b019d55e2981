"""A hand-written tanh RNN with spectral radius 2.2 and small inputs."""

import numpy as np

import backsight as bs

LEAK = "BS103"


def train(seed: int) -> None:
    rng = np.random.default_rng(seed)
    T, H = 60, 24
    u = bs.tensor(rng.normal(size=(1, H)) * 0.01, name="u")
    w = bs.tensor(np.linalg.qr(rng.normal(size=(H, H)))[0] * 1.6, name="w")
    v = bs.tensor(rng.normal(size=(H, 1)) * 0.05, name="v")
    for _ in range(12):
        x = rng.normal(size=(T, 16, 1))
        h = np.zeros((16, H))
        for t in range(T):
            h = np.tanh(x[t] @ u + h @ w)
        loss = np.mean((h @ v - x[0]) ** 2)
        for p in (u, w, v):
            p.grad = None
        loss.backward()
        for p in (u, w, v):
            p.value -= 1e-6 * p.grad
