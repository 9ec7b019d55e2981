"""A short recurrent net with an orthogonal matrix: sums the signs of its inputs."""

import numpy as np

import backsight as bs

rng = np.random.default_rng(5)
H, T = 16, 10
w_in = bs.tensor(0.5 * rng.normal(size=(1, H)), name="w_in")
w = bs.tensor(np.linalg.qr(rng.normal(size=(H, H)))[0], name="w")
head = bs.tensor(rng.normal(size=(H, 1)) / 4, name="head")
optimiser = bs.nn.optim.Adam([w_in, w, head], lr=3e-3)
for step in range(150):
    x = rng.normal(size=(T, 32, 1))
    y = x.sum(axis=0) / np.sqrt(T)
    h = np.zeros((32, H))
    for t in range(T):
        h = np.tanh(x[t] @ w_in + h @ w)
    loss = np.mean((h @ head - y) ** 2)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
print(loss.item())
