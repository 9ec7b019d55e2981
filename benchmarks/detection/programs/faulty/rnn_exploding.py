"""Hand-written RNN with too large recurrent weights; gradients of thousands."""

import torch
import torch.nn as nn

torch.manual_seed(0)


class MyRNN(nn.Module):
    def __init__(self, inp, hid):
        super().__init__()
        self.hid = hid
        self.i2h = nn.Linear(inp, hid)
        self.h2h = nn.Linear(hid, hid)
        nn.init.normal_(self.h2h.weight, std=2.2 / hid**0.5)  # leak: BS103
        self.h2o = nn.Linear(hid, 2)

    def forward(self, seq):
        h = torch.zeros(seq.size(1), self.hid)
        for x in seq:
            h = torch.tanh(self.i2h(x) + self.h2h(h))  # leak: BS103
        return self.h2o(h)


rnn = MyRNN(2, 64)
opt = torch.optim.SGD(rnn.parameters(), lr=1e-4)
for step in range(80):
    seq = 0.1 * torch.randn(60, 32, 2)
    y = (seq[0, :, 0] > 0).long()
    loss = nn.functional.cross_entropy(rnn(seq), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step % 20 == 0:
        print(step, loss.item())
