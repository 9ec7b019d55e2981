"""A recurrent net whose matrix has a spectral radius of a half, asked for its first state."""

import numpy as np

import backsight as bs

rng = np.random.default_rng(7)
H, T = 16, 40
w = rng.normal(size=(H, H))
w = bs.tensor(0.5 * w / np.abs(np.linalg.eigvals(w)).max(), name="w")
head = bs.tensor(rng.normal(size=(H, 1)) / 4, name="head")
for step in range(120):
    start = rng.normal(size=(32, H))
    h = start
    for t in range(T):
        h = np.tanh(h @ w)  # leak: BS104
    loss = bs.bce_with_logits(h @ head, (start[:, :1] > 0).astype(float))
    w.grad = head.grad = None
    loss.backward()
    w.value -= 0.1 * w.grad
    head.value -= 0.1 * head.grad
print(loss.item())
