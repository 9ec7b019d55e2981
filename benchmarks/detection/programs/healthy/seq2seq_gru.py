"""Encoder-decoder with GRUs and teacher forcing: reverse a sequence."""

import random

import torch
import torch.nn as nn

random.seed(0)
torch.manual_seed(0)
VOCAB, LENGTH, HIDDEN = 8, 6, 64
SOS = VOCAB


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(VOCAB, 32)
        self.gru = nn.GRU(32, HIDDEN, batch_first=True)

    def forward(self, x):
        return self.gru(self.embedding(x))[1]


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(VOCAB + 1, 32)
        self.cell = nn.GRUCell(32, HIDDEN)
        self.out = nn.Linear(HIDDEN, VOCAB)

    def forward(self, hidden, target, forcing):
        h, token, outputs = hidden.squeeze(0), torch.full((len(target),), SOS), []
        for t in range(LENGTH):
            h = self.cell(self.embedding(token), h)
            logits = self.out(h)
            outputs.append(logits)
            token = target[:, t] if forcing else logits.argmax(-1).detach()
        return torch.stack(outputs, 1)


encoder, decoder = Encoder(), Decoder()
enc_opt = torch.optim.Adam(encoder.parameters(), lr=3e-3)
dec_opt = torch.optim.Adam(decoder.parameters(), lr=3e-3)
criterion = nn.CrossEntropyLoss()
losses = []
for it in range(300):
    src = torch.randint(0, VOCAB, (64, LENGTH))
    tgt = src.flip(1)
    enc_opt.zero_grad()
    dec_opt.zero_grad()
    out = decoder(encoder(src), tgt, forcing=random.random() < 0.8)
    loss = criterion(out.reshape(-1, VOCAB), tgt.reshape(-1))
    loss.backward()
    enc_opt.step()
    dec_opt.step()
    losses.append(loss.item())
print(losses[0], sum(losses[-10:]) / 10)
assert sum(losses[-10:]) < 0.6 * sum(losses[:10])
