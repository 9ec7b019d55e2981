"""Table data with raw columns (income, age, …) into tanh."""

import torch
from torch import nn

torch.manual_seed(0)
n = 1000
income = 30000 + 9000 * torch.randn(n)
age = 40 + 12 * torch.randn(n)
height = 1.7 + 0.1 * torch.randn(n)
X = torch.stack([income, age, height], 1)
y = ((age > 40) ^ (height > 1.7)).float()


class Tabular(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(3, 32)  # leak: BS508
        self.b = nn.Linear(32, 1)

    def forward(self, x):
        h = torch.tanh(self.a(x))  # leak: BS204 or BS205 or BS508
        return self.b(h).squeeze(1)


model = Tabular()
opt = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(15):
    for i in torch.randperm(n).split(50):
        loss = nn.functional.binary_cross_entropy_with_logits(model(X[i]), y[i])
        opt.zero_grad()
        loss.backward()
        opt.step()
    print(epoch, loss.item())
