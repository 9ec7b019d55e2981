# mypy: ignore-errors
# ruff: noqa
"""Remember the sign of a state's first number over 50 steps of a recurrent net without input."""

import numpy as np

import backsight as bs

rng = np.random.default_rng(4)
H, T = 16, 50


def orthogonal(size):
    """Draw a matrix whose eigenvalues all have modulus 1."""
    return np.linalg.qr(rng.normal(size=(size, size)))[0]


w = bs.tensor(orthogonal(H), name="w")
readout = bs.tensor(rng.normal(size=(H, 1)) / np.sqrt(H), name="readout")
optimiser = bs.nn.optim.Adam([w, readout], lr=0.005)

for step in range(400):
    start = 0.5 * rng.normal(size=(64, H))
    labels = (start[:, 0] > 0).astype(float)
    h = start
    for t in range(T):
        h = np.tanh(h @ w)
    loss = bs.bce_with_logits((h @ readout)[:, 0], labels)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    average = loss.item() if step == 0 else 0.95 * average + 0.05 * loss.item()

print(f"loss {average:.4f}")
