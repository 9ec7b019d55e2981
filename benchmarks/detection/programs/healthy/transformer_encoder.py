"""Transformer encoder with padding mask and learned positions: which token occurs more?"""

import math

import torch
import torch.nn as nn

torch.manual_seed(0)
VOCAB, PAD, L, D = 12, 0, 16, 32


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.tok = nn.Embedding(VOCAB, D, padding_idx=PAD)
        self.pos = nn.Parameter(torch.randn(1, L, D) * 0.02)
        layer = nn.TransformerEncoderLayer(D, 4, 64, dropout=0.1, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(D)
        self.head = nn.Linear(D, 2)

    def forward(self, ids):
        mask = ids == PAD
        h = self.tok(ids) * math.sqrt(D) + self.pos
        h = self.norm(self.encoder(h, src_key_padding_mask=mask))
        keep = (~mask).unsqueeze(-1).float()
        return self.head((h * keep).sum(1) / keep.sum(1))


def batch(n=64):
    ids = torch.randint(1, VOCAB, (n, L))
    length = torch.randint(6, L + 1, (n, 1))
    ids = ids.masked_fill(torch.arange(L) >= length, PAD)
    y = ((ids == 1).sum(1) > (ids == 2).sum(1)).long()
    return ids, y


model = Classifier()
optim = torch.optim.AdamW(model.parameters(), lr=2e-3)
sched = torch.optim.lr_scheduler.LambdaLR(optim, lambda s: min(1.0, s / 40))
crit = nn.CrossEntropyLoss()
losses = []
for step in range(200):
    ids, y = batch()
    loss = crit(model(ids), y)
    optim.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optim.step()
    sched.step()
    losses.append(loss.item())
print(sum(losses[:10]) / 10, sum(losses[-10:]) / 10)
assert sum(losses[-10:]) < 0.7 * sum(losses[:10])
