"""A left-over .detach() between encoder and decoder."""

import torch
import torch.nn as nn

torch.manual_seed(0)


class AutoEncoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 4))
        self.decoder = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 16))

    def forward(self, x):
        z = self.encoder(x).detach()  # leak: BS305 or BS304
        return self.decoder(z)


ae = AutoEncoder()
opt = torch.optim.Adam(ae.parameters(), lr=1e-3)
basis = torch.randn(3, 16)
for i in range(150):
    x = torch.randn(64, 3) @ basis
    loss = nn.functional.mse_loss(ae(x), x)
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
