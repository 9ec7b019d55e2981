"""A tanh RNN by hand, recurrent weights too large."""

import numpy as np

import backsight as bs
from backsight import nn

rng = np.random.default_rng(0)
H, T = 48, 50
Wx = bs.tensor(0.1 * rng.standard_normal((2, H)), name="Wx")
Wh = bs.tensor(1.7 * rng.standard_normal((H, H)) / H**0.5, name="Wh")  # leak: BS103
Wo = bs.tensor(rng.standard_normal((H, 2)) / H**0.5, name="Wo")
opt = nn.optim.SGD([Wx, Wh, Wo], lr=1e-4)
for step in range(60):
    x = 0.1 * rng.standard_normal((T, 32, 2))
    y = (x[0, :, 0] > 0).astype(int)
    h = np.zeros((32, H))
    for t in range(T):
        h = np.tanh(x[t] @ Wx + h @ Wh)  # leak: BS103
    loss = bs.cross_entropy(h @ Wo, labels=y)
    opt.zero_grad()
    loss.backward()
    opt.step()
print(float(loss.value))
