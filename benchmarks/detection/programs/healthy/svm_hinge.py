"""Linear SVM by subgradient descent on the hinge loss, parameters updated by hand."""

import torch

torch.manual_seed(0)
n, d = 400, 10
w_true = torch.randn(d)
X = torch.randn(n, d)
y = torch.sign(X @ w_true + 0.3 * torch.randn(n))
w = torch.zeros(d, requires_grad=True)
b = torch.zeros(1, requires_grad=True)
lr, lam = 0.1, 1e-3
first = None
for epoch in range(200):
    margin = y * (X @ w + b)
    loss = torch.clamp(1 - margin, min=0).mean() + lam * w.dot(w)
    loss.backward()
    with torch.no_grad():
        w -= lr * w.grad
        b -= lr * b.grad
        w.grad.zero_()
        b.grad.zero_()
    first = first or loss.item()
print(first, loss.item())
assert loss.item() < 0.4 * first
