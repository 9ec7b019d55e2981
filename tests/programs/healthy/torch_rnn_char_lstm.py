"""A language model of two LSTM layers, a loss at every step, its state carried and detached."""

import torch
from torch import nn

torch.manual_seed(0)
text = "the quick brown fox jumps over the lazy dog and runs away from the cat " * 60
letters = sorted(set(text))
data = torch.tensor([letters.index(letter) for letter in text])
B, T = 16, 24
data = data[: len(data) // B * B].view(B, -1)


class Model(nn.Module):
    """Embedding, LSTM, logits."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(len(letters), 24)
        self.lstm = nn.LSTM(24, 48, num_layers=2, batch_first=True, dropout=0.1)
        self.out = nn.Linear(48, len(letters))

    def forward(self, x, state):
        states, state = self.lstm(self.embedding(x), state)
        return self.out(states), state


model = Model()
opt = torch.optim.Adam(model.parameters(), lr=4e-3)
for epoch in range(12):
    state = None
    for start in range(0, data.shape[1] - T - 1, T):
        x, y = data[:, start : start + T], data[:, start + 1 : start + T + 1]
        logits, state = model(x, state)
        state = tuple(each.detach() for each in state)
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), y.flatten())
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
print(loss.item())
