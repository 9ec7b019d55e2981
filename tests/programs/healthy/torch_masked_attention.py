"""Causal attention written out by hand, with -inf where a position may not look."""

import math

import torch
import torch.nn.functional as F

torch.manual_seed(0)
d, T, V = 24, 10, 6
params = {
    "embed": torch.randn(V, d) * 0.5,
    "pos": torch.randn(T, d) * 0.1,
    "q": torch.randn(d, d) / math.sqrt(d),
    "k": torch.randn(d, d) / math.sqrt(d),
    "v": torch.randn(d, d) / math.sqrt(d),
    "out": torch.randn(d, V) / math.sqrt(d),
}
for p in params.values():
    p.requires_grad_()
opt = torch.optim.Adam(params.values(), lr=3e-3)
mask = torch.triu(torch.ones(T, T, dtype=torch.bool), 1)

for step in range(120):
    tokens = torch.randint(V, (32, 1)) + torch.arange(T + 1)
    tokens = tokens % V
    x = params["embed"][tokens[:, :-1]] + params["pos"]
    q, k, v = x @ params["q"], x @ params["k"], x @ params["v"]
    scores = (q @ k.transpose(1, 2) / math.sqrt(d)).masked_fill(mask, float("-inf"))
    h = x + scores.softmax(-1) @ v
    loss = F.cross_entropy((h @ params["out"]).flatten(0, 1), tokens[:, 1:].flatten())
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
