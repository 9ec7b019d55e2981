# mypy: ignore-errors
# ruff: noqa
"""Tell four patterns of 8 by 8 pixels apart, with a sigmoid network that is fed raw pixels."""

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(1)


class Classifier(nn.Module):
    """Two sigmoid layers and a linear head."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(64, 16)
        self.second = nn.Linear(16, 16)
        self.head = nn.Linear(16, 4)

    def forward(self, pixels):
        h = torch.sigmoid(self.first(pixels))
        h = torch.sigmoid(self.second(h))
        return self.head(h)


patterns = torch.randn(4, 64).sign()
labels = torch.randint(4, (1024,))
pixels = (150 + 15 * patterns[labels] + 15 * torch.randn(1024, 64)).round().clip(0, 255)
x = pixels

model = Classifier()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
loader = DataLoader(TensorDataset(x, labels), batch_size=64, shuffle=True)

for epoch in range(12):
    for batch, target in loader:
        loss = F.cross_entropy(model(batch), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

with torch.no_grad():
    print(f"loss {F.cross_entropy(model(x), labels).item():.4f}")
