"""A Dataset class and a DataLoader with two worker processes."""

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


class Waves(Dataset):
    def __init__(self, n):
        g = torch.Generator().manual_seed(0)
        self.freq = torch.randint(1, 4, (n,), generator=g)
        self.noise = torch.randn(n, 32, generator=g)

    def __len__(self):
        return len(self.freq)

    def __getitem__(self, i):
        t = torch.linspace(0, 6.28, 32)
        return torch.sin(self.freq[i] * t) + 0.5 * self.noise[i], self.freq[i] - 1


def main():
    torch.manual_seed(0)
    loader = DataLoader(Waves(600), batch_size=50, shuffle=True, num_workers=2)
    net = nn.Sequential(
        nn.Unflatten(1, (1, 32)),
        nn.Conv1d(1, 8, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool1d(2),
        nn.Conv1d(8, 16, 5, padding=2),
        nn.ReLU(),
        nn.AdaptiveAvgPool1d(4),
        nn.Flatten(),
        nn.Linear(64, 3),
    )
    opt = torch.optim.Adam(net.parameters(), lr=3e-3)
    losses = []
    for _ in range(5):
        for x, y in loader:
            loss = nn.functional.cross_entropy(net(x), y)
            opt.zero_grad()
            loss.backward()
            opt.step()
            losses.append(loss.item())
    print(losses[0], losses[-1])
    assert losses[-1] < 0.5 * losses[0]


if __name__ == "__main__":
    main()
