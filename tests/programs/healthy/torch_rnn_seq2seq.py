"""Two GRUs reverse short sequences: teacher forcing, and attention over the encoder's states."""

import torch
from torch import nn

torch.manual_seed(0)
V, H, T = 8, 32, 10


class Translator(nn.Module):
    """An encoder, and a decoder that attends to all of its states at each step."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(V + 1, H)
        self.encoder = nn.GRU(H, H, batch_first=True)
        self.decoder = nn.GRUCell(2 * H, H)
        self.out = nn.Linear(2 * H, V)

    def forward(self, source, target):
        states, h = self.encoder(self.embedding(source))
        h, before = h[0], torch.full_like(source[:, 0], V)
        logits = []
        for t in range(target.shape[1]):
            scores = (states @ h.unsqueeze(2)).squeeze(2) / H**0.5
            context = (scores.softmax(1).unsqueeze(1) @ states).squeeze(1)
            h = self.decoder(torch.cat([self.embedding(before), context], 1), h)
            logits.append(self.out(torch.cat([h, context], 1)))
            before = target[:, t]
        return torch.stack(logits, 1)


model = Translator()
opt = torch.optim.Adam(model.parameters(), lr=3e-3)
for step in range(120):
    source = torch.randint(0, V, (64, T))
    logits = model(source, source.flip(1))
    loss = nn.functional.cross_entropy(logits.flatten(0, 1), source.flip(1).flatten())
    opt.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    opt.step()
print(loss.item())
