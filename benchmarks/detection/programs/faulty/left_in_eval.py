"""model.eval() after validation, never back to train()."""

import torch
import torch.nn as nn

torch.manual_seed(0)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(10, 64)
        self.bn = nn.BatchNorm1d(64)
        self.drop = nn.Dropout(0.5)
        self.fc2 = nn.Linear(64, 3)

    def forward(self, x):
        return self.fc2(self.drop(torch.relu(self.bn(self.fc1(x)))))


model, W = Net(), torch.randn(10, 3)
opt = torch.optim.Adam(model.parameters(), lr=1e-3)
criterion = nn.CrossEntropyLoss()


def validate():
    model.eval()  # leak: BS509
    with torch.no_grad():
        x = torch.randn(256, 10)
        return (model(x).argmax(1) == (x @ W).argmax(1)).float().mean().item()


model.train()
for epoch in range(8):
    for _ in range(25):
        x = torch.randn(64, 10)
        loss = criterion(model(x), (x @ W).argmax(1))
        opt.zero_grad()
        loss.backward()
        opt.step()
    print(epoch, loss.item(), validate())
