"""Missing values were not imputed."""

import numpy as np
import torch
import torch.nn as nn

torch.manual_seed(0)
rng = np.random.default_rng(0)
table = rng.normal(size=(600, 5)).astype(np.float32)
label = (table[:, 0] > table[:, 1]).astype(np.int64)
table[rng.random(600) < 0.02, 3] = np.nan
X, y = torch.from_numpy(table), torch.from_numpy(label)
model = nn.Sequential(nn.Linear(5, 16), nn.ReLU(), nn.Linear(16, 2))
opt = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(5):
    for i in torch.randperm(600).split(30):
        out = model(X[i])  # leak: BS401
        loss = nn.functional.cross_entropy(out, y[i])
        opt.zero_grad()
        loss.backward()
        opt.step()
print(loss.item())
