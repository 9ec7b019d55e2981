"""An LSTM by its cell that adds up a sequence; gradient norm clipped at 1."""

import numpy as np

import backsight as bs


def train(seed: int) -> None:
    rng = np.random.default_rng(seed)
    T, H = 20, 16
    w = bs.tensor(rng.normal(size=(1 + H, 4 * H)) / np.sqrt(1 + H), name="w")
    b = bs.tensor(np.zeros(4 * H), name="b")
    v = bs.tensor(rng.normal(size=(H, 1)) / np.sqrt(H), name="v")
    w_x, w_h = w.value[:1].copy(), w.value[1:].copy()
    w_x, w_h = bs.tensor(w_x, name="w_x"), bs.tensor(w_h, name="w_h")
    optimizer = bs.nn.optim.Adam([w_x, w_h, b, v], lr=3e-3)
    for _ in range(60):
        x = rng.normal(size=(T, 32, 1)) * 0.5
        y = x.sum(axis=0) * 0.5
        h, c = np.zeros((32, H)), np.zeros((32, H))
        for t in range(T):
            h, c = bs.lstm_cell(x[t], h, c, w_x, w_h, b)
        loss = np.mean((h @ v - y) ** 2)
        optimizer.zero_grad()
        loss.backward()
        norm = np.sqrt(sum(np.sum(p.grad**2) for p in optimizer.parameters))
        for p in optimizer.parameters:
            p.grad = p.grad * min(1.0, 1.0 / norm)
        optimizer.step()
