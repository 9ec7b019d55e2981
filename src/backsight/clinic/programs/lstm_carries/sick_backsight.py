# mypy: ignore-errors
# ruff: noqa
"""Recall the first number of a sequence after 80 steps, with a plain recurrent net."""

import numpy as np

import backsight as bs

rng = np.random.default_rng(5)
H, T = 32, 80


def batch(size=32):
    """Draw sequences that begin with +1 or -1 and go on with noise."""
    x = 0.1 * rng.normal(size=(T, size, 1))
    labels = rng.integers(2, size=size)
    x[0, :, 0] = 2 * labels - 1
    return x, labels


def uniform(*shape):
    """Draw weights as PyTorch does."""
    return bs.tensor(rng.uniform(-(H**-0.5), H**-0.5, size=shape))


w_in, w_back, b = uniform(1, H), uniform(H, H), uniform(H)
w_out, b_out = uniform(H, 1), uniform(1)
optimiser = bs.nn.optim.Adam([w_in, w_back, b, w_out, b_out], lr=0.003)

for step in range(120):
    x, labels = batch()
    h = np.zeros((x.shape[1], H))
    for t in range(T):
        h = bs.rnn_cell(x[t], h, w_in, w_back, b)
    loss = bs.bce_with_logits((h @ w_out + b_out)[:, 0], labels)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    average = loss.item() if step == 0 else 0.9 * average + 0.1 * loss.item()

print(f"loss {average:.4f}")
