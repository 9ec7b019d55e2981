"""Bidirectional LSTM tagger with ignore_index."""

import torch
from torch import nn

torch.manual_seed(0)
V, TAGS, T = 15, 3, 12
embedding = nn.Embedding(V, 24)
bilstm = nn.LSTM(24, 24, bidirectional=True, batch_first=True)
dense = nn.Linear(48, TAGS)
modules = nn.ModuleList([embedding, bilstm, dense])
criterion = nn.CrossEntropyLoss(ignore_index=-100)
optim = torch.optim.Adam(modules.parameters(), 1e-2)
losses = []
for step in range(150):
    words = torch.randint(0, V, (32, T))
    after = torch.roll(words, -1, 1)
    tags = (words + after) % TAGS
    tags[:, -1] = -100
    out, _ = bilstm(embedding(words))
    loss = criterion(dense(torch.tanh(out)).flatten(0, 1), tags.flatten())
    optim.zero_grad()
    loss.backward()
    optim.step()
    losses.append(float(loss))
print(losses[0], losses[-1])
assert losses[-1] < 0.5 * losses[0]
