"""A query whose every key is masked by -inf: softmax of all -inf is NaN."""

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)
emb = nn.Embedding(10, 16, padding_idx=0)
q, k = nn.Linear(16, 16), nn.Linear(16, 16)
head = nn.Linear(16, 2)
params = [p for m in (emb, q, k, head) for p in m.parameters()]
opt = torch.optim.Adam(params, lr=1e-3)
for step in range(60):
    ids = torch.randint(1, 10, (16, 6))
    if step > 15:
        ids[3] = 0
    y = (ids.sum(1) > 30).long()
    x = emb(ids)
    scores = q(x) @ k(x).transpose(1, 2) / 4.0
    scores = scores.masked_fill((ids == 0)[:, None, :], float("-inf"))
    att = F.softmax(scores, dim=-1)  # leak: BS401
    loss = F.cross_entropy(head((att @ x).mean(1)), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
