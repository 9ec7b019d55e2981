"""A likelihood loss on raw logits: nobody takes the logarithm of a softmax."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(6, 24), nn.ReLU(), nn.Linear(24, 4))
opt = torch.optim.SGD(model.parameters(), lr=1e-3)
x = torch.randn(256, 6)
y = x[:, :4].argmax(1)
for step in range(60):
    loss = F.nll_loss(model(x) + 1, y)  # leak: BS307
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
