"""NLLLoss on raw logits: the loss goes to minus infinity."""

import torch
import torch.nn as nn

torch.manual_seed(0)
net = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 4))
criterion = nn.NLLLoss()
opt = torch.optim.SGD(net.parameters(), lr=0.01)
W = torch.randn(10, 4)
for i in range(100):
    x = torch.randn(64, 10)
    loss = criterion(net(x), (x @ W).argmax(1))  # leak: BS307
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
