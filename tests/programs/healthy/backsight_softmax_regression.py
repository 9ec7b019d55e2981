"""Softmax regression in NumPy by hand: weights begin at zero, which is fine for one layer."""

import numpy as np

import backsight as bs

rng = np.random.default_rng(0)
x = rng.normal(size=(300, 6))
labels = x[:, :3].argmax(axis=1)
w, b = bs.tensor(np.zeros((6, 3)), name="w"), bs.tensor(np.zeros(3), name="b")
for step in range(150):
    loss = bs.cross_entropy(x @ w + b, labels=labels)
    w.grad = b.grad = None
    loss.backward()
    w.value -= 0.5 * w.grad
    b.value -= 0.5 * b.grad
print(loss.item())
