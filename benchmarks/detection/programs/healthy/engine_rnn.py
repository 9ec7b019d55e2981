"""A tanh RNN by hand on the engine, orthogonal recurrent weights: sign of a sum."""

import numpy as np

import backsight as bs
from backsight import nn

rng = np.random.default_rng(0)
H, T = 24, 20
q, _ = np.linalg.qr(rng.standard_normal((H, H)))
Wx = bs.tensor(0.5 * rng.standard_normal((1, H)), name="Wx")
Wh = bs.tensor(q, name="Wh")
Wo = bs.tensor(rng.standard_normal((H, 1)) / H**0.5, name="Wo")
opt = nn.optim.Adam([Wx, Wh, Wo], lr=2e-3)
losses = []
for step in range(200):
    x = rng.standard_normal((T, 64, 1))
    y = (x.sum(axis=0) > 0).astype(float)
    h = np.zeros((64, H))
    for t in range(T):
        h = np.tanh(x[t] @ Wx + h @ Wh)
    loss = np.mean(bs.bce_with_logits(h @ Wo, y))
    opt.zero_grad()
    loss.backward()
    opt.step()
    losses.append(float(loss.value))
print(losses[0], losses[-1])
assert np.mean(losses[-10:]) < 0.7 * np.mean(losses[:10])
