"""An autoencoder in the engine whose code is taken as an array: the encoder never learns."""

import numpy as np

import backsight as bs

rng = np.random.default_rng(0)
x = rng.normal(size=(128, 6))
encoder = bs.tensor(rng.normal(size=(6, 3)) * 0.4, name="encoder")
decoder = bs.tensor(rng.normal(size=(3, 6)) * 0.4, name="decoder")
optimizer = bs.nn.optim.SGD([encoder, decoder], lr=0.05)
for step in range(60):
    code = np.tanh(x @ encoder).value  # leak: BS305
    loss = np.mean((code @ decoder - x) ** 2)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print(loss.item())
