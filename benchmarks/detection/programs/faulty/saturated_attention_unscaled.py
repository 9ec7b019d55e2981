"""Attention without 1/sqrt(d) and with large embeddings: softmax is one-hot."""

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)
D, L, V = 64, 12, 20


class Attn(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(V, D)
        self.q = nn.Linear(D, D)
        self.k = nn.Linear(D, D)
        self.v = nn.Linear(D, D)
        for m in (self.q, self.k):
            nn.init.normal_(m.weight, std=0.3)
        self.fc = nn.Linear(D, 2)

    def forward(self, ids):
        x = self.emb(ids)
        scores = self.q(x) @ self.k(x).transpose(1, 2)
        w = F.softmax(scores, dim=-1)  # leak: BS204 or BS205
        return self.fc((w @ self.v(x)).mean(1))


net = Attn()
opt = torch.optim.SGD(net.parameters(), lr=0.01)
for step in range(120):
    ids = torch.randint(0, V, (32, L))
    y = ((ids == 3).sum(1) > 0).long()
    loss = F.cross_entropy(net(ids), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
