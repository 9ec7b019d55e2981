"""A sigmoid output regresses standardised targets."""

import torch
import torch.nn as nn

torch.manual_seed(0)


class Reg(nn.Module):
    def __init__(self):
        super().__init__()
        self.f = nn.Linear(7, 32)
        self.g = nn.Linear(32, 1)

    def forward(self, x):
        return torch.sigmoid(self.g(torch.relu(self.f(x))))  # leak: BS309


net = Reg()
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
w = torch.randn(7)
for it in range(150):
    x = torch.randn(64, 7)
    loss = nn.functional.mse_loss(net(x), (x @ w).unsqueeze(1))  # leak: BS309
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
