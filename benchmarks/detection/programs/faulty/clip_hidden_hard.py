"""Hidden layer clamped to [0, 0.1] with inputs of unit scale."""

import torch
import torch.nn as nn

torch.manual_seed(0)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc = nn.Linear(10, 64)
        self.enc.bias.data.fill_(4.0)
        self.dec = nn.Linear(64, 3)

    def forward(self, x):
        h = torch.clamp(self.enc(x), 0.0, 0.1)  # leak: BS302
        return self.dec(h)


net = Net()
opt = torch.optim.Adam(net.parameters(), lr=1e-3)
W = torch.randn(10, 3)
for it in range(150):
    x = torch.randn(64, 10)
    loss = nn.functional.cross_entropy(net(x), (x @ W).argmax(1))
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
