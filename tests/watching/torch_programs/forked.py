import os
import random
import sys

import torch
from ending import tell

torch.manual_seed(15)
w = torch.randn(4, 1, requires_grad=True)
x, y = torch.randn(16, 4), torch.randn(16, 1) * 9


def train(steps):
    opt = torch.optim.SGD([w], 0.1)
    for _ in range(steps):
        loss = ((x @ w - y).clamp(-1, 1) ** 2).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
    print(os.getpid() == parent, torch._C._len_torch_function_stack() == 0 or os.getpid() == parent)


parent = os.getpid()
train(5)
sys.stdout.flush()
if os.fork() == 0:
    random.seed(1)  # Python draws a new state in a fork
    train(25)
    tell(w)
    sys.exit(4)
print(os.waitstatus_to_exitcode(os.wait()[1]))
train(20)
tell(w)
