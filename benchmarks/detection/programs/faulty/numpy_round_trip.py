"""A feature computed in NumPy in the middle of the model."""

import numpy as np
import torch
import torch.nn as nn

torch.manual_seed(0)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Linear(6, 16)
        self.head = nn.Linear(16, 1)

    def forward(self, x):
        h = self.embed(x)
        h = np.log1p(np.abs(h.detach().numpy()))  # leak: BS305 or BS304
        return self.head(torch.from_numpy(h))


model = Model()
opt = torch.optim.SGD(model.parameters(), lr=0.05)
w = torch.randn(6)
for epoch in range(150):
    x = torch.randn(32, 6)
    pred = model(x).squeeze(1)
    loss = nn.functional.mse_loss(pred, (x @ w).abs())
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
