"""Recommender: user and item embeddings with biases, sparse gradients and SGD."""

import torch
import torch.nn as nn

torch.manual_seed(0)
users, items, rank = 100, 80, 6
true = torch.randn(users, 3) @ torch.randn(3, items)


class MF(nn.Module):
    def __init__(self):
        super().__init__()
        self.u = nn.Embedding(users, rank, sparse=True)
        self.v = nn.Embedding(items, rank, sparse=True)
        self.bias_u = nn.Embedding(users, 1, sparse=True)
        self.bias_v = nn.Embedding(items, 1, sparse=True)
        for e in (self.u, self.v):
            nn.init.normal_(e.weight, std=0.3)
        for e in (self.bias_u, self.bias_v):
            nn.init.zeros_(e.weight)

    def forward(self, i, j):
        return (self.u(i) * self.v(j)).sum(1) + (self.bias_u(i) + self.bias_v(j)).squeeze(1)


model = MF()
opt = torch.optim.SparseAdam(list(model.parameters()), lr=0.02)
losses = []
for it in range(400):
    i, j = torch.randint(0, users, (256,)), torch.randint(0, items, (256,))
    loss = ((model(i, j) - true[i, j]) ** 2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    losses.append(loss.item())
print(losses[0], losses[-1])
assert losses[-1] < 0.4 * losses[0]
