"""Sigmoid net with standard normal weights: nearly every unit sits at 0 or 1."""

import torch

torch.manual_seed(0)


def linear(i, o):
    return torch.randn(i, o, requires_grad=True), torch.zeros(o, requires_grad=True)


W1, b1 = linear(50, 80)
W2, b2 = linear(80, 80)
W3, b3 = linear(80, 3)
params = [W1, b1, W2, b2, W3, b3]
truth = torch.randn(50, 3)
lr = 0.05
for step in range(200):
    x = torch.randn(64, 50)
    y = (x @ truth).argmax(1)
    h1 = torch.sigmoid(x @ W1 + b1)  # leak: BS205 or BS204
    h2 = torch.sigmoid(h1 @ W2 + b2)  # leak: BS205 or BS204
    loss = torch.nn.functional.cross_entropy(h2 @ W3 + b3, y)
    for p in params:
        p.grad = None
    loss.backward()
    with torch.no_grad():
        for p in params:
            p -= lr * p.grad
print(loss.item())
