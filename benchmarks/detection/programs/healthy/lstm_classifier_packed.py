"""Sentiment-like classification with packed sequences."""

import torch
import torch.nn as nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence

torch.manual_seed(0)


def sample(n):
    seqs, labels = [], []
    for _ in range(n):
        s = torch.randint(1, 20, (int(torch.randint(5, 15, (1,))),))
        seqs.append(s)
        labels.append(int((s < 10).float().mean() > 0.5))
    return seqs, torch.tensor(labels)


class TextRNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(20, 16, padding_idx=0)
        self.lstm = nn.LSTM(16, 32, num_layers=2, dropout=0.1, batch_first=True)
        self.fc = nn.Linear(32, 1)

    def forward(self, x, lengths):
        packed = pack_padded_sequence(
            self.embed(x), lengths, batch_first=True, enforce_sorted=False
        )
        _, (h, _) = self.lstm(packed)
        return self.fc(h[-1]).squeeze(1)


model = TextRNN()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
loss_fn = nn.BCEWithLogitsLoss()
curve = []
for step in range(150):
    seqs, y = sample(32)
    x = pad_sequence(seqs, batch_first=True)
    lengths = torch.tensor([len(s) for s in seqs])
    loss = loss_fn(model(x, lengths), y.float())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    curve.append(loss.item())
print(sum(curve[:10]) / 10, sum(curve[-10:]) / 10)
assert sum(curve[-10:]) < 0.6 * sum(curve[:10])
