"""A network all of whose weights begin at zero."""

import numpy as np

import backsight as bs

rng = np.random.default_rng(5)
x = rng.normal(size=(128, 4))
y = x[:, :1] * x[:, 1:2]
w1, w2 = bs.tensor(np.zeros((4, 16))), bs.tensor(np.zeros((16, 1)))  # leak: BS207
optimiser = bs.nn.optim.SGD([w1, w2], lr=0.1)
for step in range(60):
    loss = np.mean((np.tanh(x @ w1) @ w2 - y) ** 2)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
print(loss.item())
