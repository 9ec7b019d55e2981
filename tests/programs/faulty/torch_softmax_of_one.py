"""One output, and a softmax over it: always 1, whatever the network says."""

import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(5, 16), nn.Tanh(), nn.Linear(16, 1), nn.Softmax(dim=1))
opt = torch.optim.Adam(model.parameters(), lr=1e-2)
x = torch.randn(128, 5)
y = (x[:, :1] > 0).float()
for step in range(60):
    loss = nn.functional.binary_cross_entropy(model(x), y)  # leak: BS309
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
