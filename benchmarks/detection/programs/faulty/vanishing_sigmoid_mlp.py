"""A deep sigmoid classifier on digits that never leaves chance."""

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)
X, y = load_digits(return_X_y=True)
X = torch.tensor((X - X.mean()) / X.std(), dtype=torch.float32)
y = torch.tensor(y)


class DeepNet(nn.Module):
    def __init__(self, depth=8, width=48):
        super().__init__()
        self.first = nn.Linear(64, width)  # leak: BS101
        self.hidden = nn.ModuleList([nn.Linear(width, width) for _ in range(depth)])
        self.out = nn.Linear(width, 10)

    def forward(self, x):
        x = torch.sigmoid(self.first(x))  # leak: BS101
        for layer in self.hidden:
            x = torch.sigmoid(layer(x))  # leak: BS101
        return self.out(x)


model = DeepNet()
opt = torch.optim.SGD(model.parameters(), lr=0.1)
for epoch in range(10):
    for i in torch.randperm(len(X)).split(64):
        opt.zero_grad()
        loss = nn.functional.cross_entropy(model(X[i]), y[i])
        loss.backward()
        opt.step()
    print(epoch, loss.item())
