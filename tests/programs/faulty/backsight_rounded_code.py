"""A code rounded to whole numbers between encoder and decoder."""

import numpy as np

import backsight as bs

rng = np.random.default_rng(3)
mix = rng.normal(size=(3, 8))
enc = bs.tensor(rng.normal(size=(8, 12)) * 0.3, name="enc")
dec = bs.tensor(rng.normal(size=(12, 8)) * 0.3, name="dec")
for step in range(60):
    x = rng.normal(size=(64, 3)) @ mix
    code = np.round(2 * np.tanh(x @ enc))  # leak: BS303
    loss = np.mean((code @ dec - x) ** 2)
    enc.grad = dec.grad = None
    loss.backward()
    for p in (enc, dec):
        p.value -= 0.02 * p.grad
print(loss.item())
