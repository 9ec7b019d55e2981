"""An encoder whose code is rounded in NumPy, outside the graph."""

import numpy as np

import backsight as bs

LEAK = "BS304"


def train(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(128, 6))
    encoder, decoder = bs.tensor(rng.normal(size=(6, 4))), bs.tensor(rng.normal(size=(4, 6)) * 0.4)
    optimizer = bs.nn.optim.Adam([encoder, decoder], lr=1e-3)
    for _ in range(60):
        code = np.round(np.tanh(x @ encoder).value)
        loss = np.mean((code @ decoder - x) ** 2)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
