# %%
"""Exported from a notebook: logistic regression, then an MLP on the same data."""

import torch
from sklearn.datasets import load_breast_cancer

torch.manual_seed(0)
bunch = load_breast_cancer()
X = torch.tensor(bunch.data, dtype=torch.float32)
y = torch.tensor(bunch.target, dtype=torch.float32)

# %%
X = (X - X.mean(0)) / X.std(0)
X.shape, y.mean()

# %%
w = torch.zeros(30, requires_grad=True)
b = torch.zeros((), requires_grad=True)
for i in range(150):
    p = torch.sigmoid(X @ w + b)
    loss = torch.nn.functional.binary_cross_entropy(p, y)
    if i == 0:
        start = loss.item()
    loss.backward()
    with torch.no_grad():
        for p_ in (w, b):
            p_ -= 0.5 * p_.grad
            p_.grad = None
print(start, loss.item())
assert loss.item() < 0.3 * start

# %%
mlp = torch.nn.Sequential(torch.nn.Linear(30, 16), torch.nn.ReLU(), torch.nn.Linear(16, 1))
opt = torch.optim.Adam(mlp.parameters(), 1e-2)
hist = []
for _ in range(150):
    opt.zero_grad()
    out = mlp(X).squeeze()
    loss = torch.nn.functional.binary_cross_entropy_with_logits(out, y)
    loss.backward()
    opt.step()
    hist.append(loss.item())
# %%
print(hist[0], hist[-1])
assert hist[-1] < 0.3 * hist[0]
