"""A deep ReLU stack with normal(0, 1) weights, as a beginner writes it."""

import torch
import torch.nn.functional as F

torch.manual_seed(0)
sizes = [20, 64, 64, 64, 64, 64, 64, 3]
weights = [
    torch.randn(a, b, requires_grad=True)  # leak: BS102 or BS503 or BS206
    for a, b in zip(sizes[:-1], sizes[1:], strict=True)
]
optimizer = torch.optim.SGD(weights, lr=1e-12)
truth = torch.randn(20, 3)
for step in range(100):
    x = torch.randn(64, 20)
    y = (x @ truth).argmax(1)
    h = x
    for w in weights[:-1]:
        h = F.relu(h @ w)  # leak: BS206
    loss = F.cross_entropy(h @ weights[-1], y)  # leak: BS503
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 20 == 0:
        print(step, loss.item())
