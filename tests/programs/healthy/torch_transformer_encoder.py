"""A transformer encoder with a padding mask: counts the ones among real tokens."""

import torch
from torch import nn

torch.manual_seed(0)


class Counter(nn.Module):
    def __init__(self, width=32):
        super().__init__()
        self.embed = nn.Embedding(5, width)
        self.position = nn.Parameter(0.02 * torch.randn(1, 12, width))
        layer = nn.TransformerEncoderLayer(width, 4, 64, dropout=0.1, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2)
        self.head = nn.Linear(width, 2)

    def forward(self, tokens, padding):
        h = self.encoder(self.embed(tokens) + self.position, src_key_padding_mask=padding)
        h = h.masked_fill(padding.unsqueeze(-1), 0.0).sum(1) / (~padding).sum(1, keepdim=True)
        return self.head(h)


model = Counter()
opt = torch.optim.AdamW(model.parameters(), lr=2e-3)
for step in range(60):
    tokens = torch.randint(1, 5, (32, 12))
    lengths = torch.randint(4, 13, (32,))
    padding = torch.arange(12)[None] >= lengths[:, None]
    tokens = tokens.masked_fill(padding, 0)
    labels = ((tokens == 1).sum(1) > lengths / 4).long()
    loss = nn.functional.cross_entropy(model(tokens, padding), labels)
    opt.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    opt.step()
print(loss.item())
