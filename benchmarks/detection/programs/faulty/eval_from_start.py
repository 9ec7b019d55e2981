"""A pretrained model is loaded with .eval() and fine-tuned so."""

import torch
import torch.nn as nn


def load_pretrained():
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv1d(1, 8, 3),
        nn.BatchNorm1d(8),
        nn.ReLU(),
        nn.AdaptiveAvgPool1d(4),
        nn.Flatten(),
        nn.Dropout(0.3),
        nn.Linear(32, 2),
    )
    net.eval()  # leak: BS509
    return net


net = load_pretrained()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
for step in range(120):
    phase = 6.28 * torch.rand(32, 1)
    f = torch.randint(1, 3, (32, 1)).float()
    x = torch.sin(f * torch.linspace(0, 6.28, 24) + phase).unsqueeze(1)
    loss = nn.functional.cross_entropy(net(x), (f.squeeze(1) - 1).long())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print(loss.item())
