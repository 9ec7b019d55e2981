"""Linear SVM with a hinge written by np.maximum on the engine."""

import numpy as np

import backsight as bs
from backsight import nn

rng = np.random.default_rng(0)
X = rng.standard_normal((400, 6))
y = np.sign(X @ rng.standard_normal(6))
w = bs.tensor(np.zeros(6), name="w")
b = bs.tensor(0.0, name="b")
opt = nn.optim.SGD([w, b], lr=0.1)
losses = []
for _ in range(150):
    loss = np.mean(np.maximum(0.0, 1 - y * (X @ w + b))) + 1e-3 * np.sum(w**2)
    opt.zero_grad()
    loss.backward()
    opt.step()
    losses.append(float(loss.value))
print(losses[0], losses[-1])
assert losses[-1] < 0.3 * losses[0]
