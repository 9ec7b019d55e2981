"""An encoder whose output is detached by mistake, though the optimiser has its parameters."""

import torch
from torch import nn


class AutoEncoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Linear(10, 4)
        self.decoder = nn.Linear(4, 10)

    def forward(self, x):
        code = torch.tanh(self.encoder(x)).detach()  # leak: BS305
        return self.decoder(code)


torch.manual_seed(0)
model = AutoEncoder()
opt = torch.optim.Adam(model.parameters(), lr=1e-2)
x = torch.randn(256, 10)
for step in range(80):
    loss = nn.functional.mse_loss(model(x), x)
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
