import threading

import torch
from ending import tell

torch.manual_seed(12)
ws = [torch.randn(4, 1, requires_grad=True) for _ in range(3)]
x, y = torch.randn(32, 4), torch.randn(32, 1) * 9


def train(w):
    opt = torch.optim.SGD([w], 0.1)
    for _ in range(40):
        loss = ((x @ w - y).clamp(-1, 1) ** 2).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()


threads = [threading.Thread(target=train, args=(w,)) for w in ws]
for thread in threads:
    thread.start()
train(torch.zeros(4, 1, requires_grad=True))
for thread in threads:
    thread.join()
tell(*ws)
