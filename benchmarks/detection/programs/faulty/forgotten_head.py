"""Only the body's parameters were given to the optimiser."""

import torch
import torch.nn as nn


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(10, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU())
        self.head = nn.Linear(64, 3)  # leak: BS306

    def forward(self, x):
        return self.head(self.body(x))


torch.manual_seed(0)
model = Model()
optimizer = torch.optim.Adam(model.body.parameters(), lr=1e-3)  # leak: BS306
W = torch.randn(10, 3)
for step in range(150):
    x = torch.randn(64, 10)
    loss = nn.functional.cross_entropy(model(x), (x @ W).argmax(1))
    model.zero_grad()
    loss.backward()
    optimizer.step()
print(loss.item())
