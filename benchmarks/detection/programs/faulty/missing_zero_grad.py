"""optimizer.zero_grad() forgotten."""

import torch
import torch.nn as nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 2))
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)  # leak: BS502
criterion = nn.CrossEntropyLoss()
w = torch.randn(10)
for epoch in range(10):
    running = 0.0
    for _ in range(20):
        x = torch.randn(32, 10)
        loss = criterion(model(x), (x @ w > 0).long())
        loss.backward()  # leak: BS502
        optimizer.step()  # leak: BS502
        running += loss.item()
    print(epoch, running / 20)
