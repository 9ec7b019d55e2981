# mypy: ignore-errors
# ruff: noqa
"""Recall the first number of a sequence after 80 steps, with a plain recurrent net."""

import torch
from torch import nn

torch.manual_seed(2)
H, T = 32, 80


class Recall(nn.Module):
    """A recurrent layer, and a head on its last state."""

    def __init__(self):
        super().__init__()
        self.rnn = nn.RNN(1, H, batch_first=True)
        self.head = nn.Linear(H, 1)

    def forward(self, x):
        states, _ = self.rnn(x)
        return self.head(states[:, -1]).squeeze(1)


def batch(size=64):
    """Draw sequences that begin with +1 or -1 and go on with noise."""
    x = 0.1 * torch.randn(size, T, 1)
    labels = torch.randint(2, (size,)).float()
    x[:, 0, 0] = 2 * labels - 1
    return x, labels


model = Recall()
optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
criterion = nn.BCEWithLogitsLoss()

for step in range(160):
    x, labels = batch()
    loss = criterion(model(x), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    average = loss.item() if step == 0 else 0.9 * average + 0.1 * loss.item()

print(f"loss {average:.4f}")
