"""Adam at 0.3 on a small transformer."""

import torch
import torch.nn as nn

torch.manual_seed(0)


class Tiny(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(12, 32)
        self.enc = nn.TransformerEncoderLayer(32, 4, 64, dropout=0.0, batch_first=True)
        self.fc = nn.Linear(32, 2)

    def forward(self, x):
        return self.fc(self.enc(self.emb(x)).mean(1))  # leak: BS203


net = Tiny()
opt = torch.optim.Adam(net.parameters(), lr=0.3)  # leak: BS506 or BS203
for it in range(150):
    x = torch.randint(0, 12, (32, 10))
    y = ((x == 1).sum(1) > (x == 2).sum(1)).long()
    loss = nn.functional.cross_entropy(net(x), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
