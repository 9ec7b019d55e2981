"""N(0, 0.01) weights in six ReLU layers: activations fade from layer to layer."""

import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential()
width = [30, 100, 100, 100, 100, 100]
for k in range(5):
    layer = nn.Linear(width[k], width[k + 1])
    nn.init.normal_(layer.weight, 0.0, 0.01)  # leak: BS206 or BS101
    nn.init.zeros_(layer.bias)
    model.append(layer)
    model.append(nn.ReLU())  # leak: BS206 or BS101
model.append(nn.Linear(100, 5))
opt = torch.optim.SGD(model.parameters(), lr=0.05)
W = torch.randn(30, 5)
for it in range(150):
    x = torch.randn(64, 30)
    loss = nn.functional.cross_entropy(model(x), (x @ W).argmax(1))  # leak: BS206 or BS101
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
