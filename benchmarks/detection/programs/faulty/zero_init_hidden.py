"""All weights initialised to zero ("to be neutral"): hidden units stay copies."""

import torch
from torch import nn

torch.manual_seed(0)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(12, 32)  # leak: BS207
        self.out = nn.Linear(32, 3)  # leak: BS207
        for p in self.parameters():
            nn.init.constant_(p, 0.0)  # leak: BS207

    def forward(self, x):
        return self.out(torch.tanh(self.hidden(x)))


net = Net()
opt = torch.optim.SGD(net.parameters(), lr=0.1)
w = torch.randn(12, 3)
for i in range(150):
    x = torch.randn(64, 12)
    loss = nn.functional.cross_entropy(net(x), (x @ w).argmax(1))
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
