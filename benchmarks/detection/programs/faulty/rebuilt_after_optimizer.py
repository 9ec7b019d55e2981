"""The classifier is replaced after the optimiser was made (fine-tuning gone wrong)."""

import torch
import torch.nn as nn

torch.manual_seed(0)


class Net(nn.Module):
    def __init__(self, classes=10):
        super().__init__()
        self.features = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU())
        self.classifier = nn.Linear(32, classes)

    def forward(self, x):
        return self.classifier(self.features(x))


net = Net()
opt = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)  # leak: BS306
net.classifier = nn.Linear(32, 2)  # leak: BS306
w = torch.randn(8)
for epoch in range(150):
    x = torch.randn(64, 8)
    loss = nn.functional.cross_entropy(net(x), (x @ w > 0).long())
    opt.zero_grad()
    net.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
