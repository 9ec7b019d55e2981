"""Two tasks on a shared trunk, their losses weighted by learned variances."""

import torch
from torch import nn


class MultiTask(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(8, 48), nn.SiLU(), nn.Linear(48, 48), nn.SiLU())
        self.classify = nn.Linear(48, 3)
        self.regress = nn.Linear(48, 1)
        self.log_sigma = nn.Parameter(torch.zeros(2))

    def forward(self, x):
        h = self.trunk(x)
        return self.classify(h), self.regress(h).squeeze(-1)


torch.manual_seed(4)
net = MultiTask()
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
x = torch.randn(256, 8)
labels, target = x[:, :3].argmax(1), x[:, 3] * x[:, 4]
for step in range(120):
    logits, value = net(x)
    losses = torch.stack(
        [nn.functional.cross_entropy(logits, labels), nn.functional.mse_loss(value, target)]
    )
    total = (losses * torch.exp(-net.log_sigma) + 0.5 * net.log_sigma).sum()
    opt.zero_grad()
    total.backward()
    opt.step()
print(losses.tolist())
