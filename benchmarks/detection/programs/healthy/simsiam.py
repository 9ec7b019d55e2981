"""SimSiam with stop-gradient."""

import torch
import torch.nn as nn

torch.manual_seed(0)


class SimSiam(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Linear(16, 64),
            nn.BatchNorm1d(64),
            nn.ReLU(),
            nn.Linear(64, 64),
            nn.BatchNorm1d(64, affine=False),
        )
        self.predictor = nn.Sequential(
            nn.Linear(64, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 64)
        )

    def forward(self, x1, x2):
        z1, z2 = self.encoder(x1), self.encoder(x2)
        return self.predictor(z1), self.predictor(z2), z1.detach(), z2.detach()


criterion = nn.CosineSimilarity(dim=1)
net = SimSiam()
opt = torch.optim.SGD(net.parameters(), 0.05, momentum=0.9, weight_decay=1e-4)
centres = 2 * torch.randn(8, 16)
track = []
for _ in range(200):
    x = centres[torch.randint(0, 8, (64,))]
    p1, p2, z1, z2 = net(x + 0.4 * torch.randn(64, 16), x + 0.4 * torch.randn(64, 16))
    loss = -(criterion(p1, z2).mean() + criterion(p2, z1).mean()) * 0.5
    opt.zero_grad()
    loss.backward()
    opt.step()
    track.append(loss.item())
print(track[0], track[-1])
assert track[-1] < track[0] - 0.3
