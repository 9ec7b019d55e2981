import torch
from ending import tell
from torch import nn
from torch.utils.checkpoint import checkpoint

torch.manual_seed(21)
calls = 0


def counted(g):
    global calls
    calls += 1
    return g.clamp(-0.01, 0.01)


class Leaky(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 1.5

    @staticmethod
    def backward(ctx, g):
        global calls
        calls += 1
        return g * 0.5


cell, lstm, gru, rnn = nn.LSTMCell(4, 8), nn.LSTM(4, 8, 2), nn.GRU(8, 8), nn.RNN(8, 8)
w = (torch.randn(8, 8) * 0.4).requires_grad_()
u = (torch.randn(4, 8) * 0.4).requires_grad_()
head = nn.Linear(8, 1)
modules = nn.ModuleList([cell, lstm, gru, rnn, head])
opt = torch.optim.SGD([*modules.parameters(), w, u], 0.002)
for step in range(12):
    x = torch.randn(12, 5, 4)
    h = torch.zeros(5, 8)
    for t in range(12):  # the script changes the gradient on its way
        h = torch.tanh(x[t] @ u + h @ w)
        h.register_hook(counted)
    loss = head(h).pow(2).mean()
    h = c = torch.zeros(5, 8)
    for t in range(12):  # a loss at every step
        h, c = cell(x[t], (h, c))
        loss = loss + head(h).mean() ** 2
    h = torch.zeros(5, 8)
    for t in range(12):  # code of the script on the way
        h = Leaky.apply(torch.tanh(x[t] @ u + h @ w))
        loss = loss + h.mean() ** 2
    h = torch.zeros(5, 8)
    for t in range(12):  # values packed away
        h = checkpoint(lambda h, x: torch.tanh(x @ u + h @ w), h, x[t], use_reentrant=False)
        loss = loss + h.mean() ** 2
    h = torch.zeros(5, 8)
    for t in range(12):  # a buffer that is written to
        buffer = torch.zeros(5, 8)
        buffer[:] = x[t] @ u + h @ w
        h = buffer.relu_()
        loss = loss + h.mean() ** 2
    out, (h, c) = lstm(x)
    out, _ = gru(out)
    state = None
    for t in range(12):
        one, state = rnn(out[t : t + 1], state)
        loss = loss + head(one).mean() ** 2
    state = None
    for t in range(12):
        one, state = lstm(x[t : t + 1], state)
        loss = loss + head(one).mean() ** 2
    loss = loss + head(out).pow(2).mean() + c.mean()
    packed = nn.utils.rnn.pack_padded_sequence(x, [12, 11, 9, 8, 2])
    loss = loss + lstm(packed)[1][0].mean()
    opt.zero_grad()
    if step % 3 == 0:
        loss.backward(retain_graph=True)
    elif step % 3 == 1:
        g = torch.autograd.grad(loss, w, create_graph=True)[0]
        loss = loss + 1e-3 * g.pow(2).sum()
    loss.backward()
    opt.step()
    print(repr(loss.item()))
tell(*modules.parameters(), w, u, calls=calls)
