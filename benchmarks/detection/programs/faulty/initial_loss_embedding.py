"""Tied embedding of unit variance makes the first logits huge (a GPT without 0.02)."""

import torch
import torch.nn as nn

torch.manual_seed(0)
V, D = 30, 128


class LM(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(V, D)
        self.gru = nn.GRU(D, D, batch_first=True)
        self.mix = nn.Linear(D, D)
        nn.init.normal_(self.mix.weight, std=0.3)

    def forward(self, x):
        h, _ = self.gru(self.emb(x))
        return self.mix(h) @ self.emb.weight.t()


lm = LM()
opt = torch.optim.SGD(lm.parameters(), lr=1e-3)
for it in range(60):
    x = torch.randint(0, V, (16, 10))
    logits = lm(x)
    loss = nn.functional.cross_entropy(logits.flatten(0, 1), (x.flatten() + 1) % V)  # leak: BS503
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
