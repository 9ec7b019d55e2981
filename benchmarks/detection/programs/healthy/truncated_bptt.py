"""LSTM language model with the hidden state detached between chunks."""

import torch
import torch.nn as nn

torch.manual_seed(0)
V, H, B, T = 10, 64, 16, 20
pattern = torch.randint(0, V, (23,))
stream = pattern.repeat(200)[: B * 280].view(B, -1)


class LM(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(V, 32)
        self.rnn = nn.LSTM(32, H, batch_first=True)
        self.out = nn.Linear(H, V)

    def forward(self, x, state):
        y, state = self.rnn(self.emb(x), state)
        return self.out(y), state


def repackage(h):
    return tuple(v.detach() for v in h)


model, losses = LM(), []
opt = torch.optim.Adam(model.parameters(), lr=5e-3)
for epoch in range(8):
    state = (torch.zeros(1, B, H), torch.zeros(1, B, H))
    for i in range(0, stream.size(1) - T - 1, T):
        x, y = stream[:, i : i + T], stream[:, i + 1 : i + 1 + T]
        state = repackage(state)
        logits, state = model(x, state)
        loss = nn.functional.cross_entropy(logits.transpose(1, 2), y)
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        opt.step()
        losses.append(loss.item())
print(losses[0], losses[-1])
assert losses[-1] < 0.3 * losses[0]
