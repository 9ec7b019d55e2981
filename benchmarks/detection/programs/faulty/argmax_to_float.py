"""argmax of the router's scores turned into a float and used downstream."""

import torch
import torch.nn as nn

torch.manual_seed(0)


class Router(nn.Module):
    def __init__(self):
        super().__init__()
        self.score = nn.Linear(8, 4)
        self.table = nn.Linear(1, 16)
        self.out = nn.Linear(16, 1)

    def forward(self, x):
        choice = self.score(x).argmax(dim=1, keepdim=True)  # leak: BS305 or BS304
        h = torch.relu(self.table(choice.float()))
        return self.out(h)


net = Router()
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
true = torch.randn(8, 4)
for it in range(150):
    x = torch.randn(64, 8)
    y = (x @ true).argmax(1, keepdim=True).float() / 4
    loss = ((net(x) - y) ** 2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print(loss.item())
