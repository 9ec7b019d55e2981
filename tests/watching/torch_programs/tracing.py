import inspect
import logging
import sys
import threading
import traceback

import torch
from ending import tell
from torch import nn

torch.manual_seed(25)
logging.basicConfig(stream=sys.stderr, format="%(funcName)s:%(lineno)d %(message)s")
lines = {"line": 0, "call": 0, "return": 0, "exception": 0}  # of train()


def tracer(frame, event, arg):
    if frame.f_code is train.__code__:
        lines[event] += 1
        return tracer
    return None


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(3, 1)

    def forward(self, x):
        seen.append([each.function for each in inspect.stack() if each.filename == __file__])
        return self.a(x)


seen: list = []
net = Net()
opt = torch.optim.SGD(net.parameters(), 0.1)


def train():
    loss = ((net(torch.randn(8, 3)) - 1).clamp(-0.5, 0.5) ** 2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    logging.warning("loss %r", loss.item())


for _ in range(12):
    train()
sys.settrace(tracer)
for _ in range(6):
    train()
print(sys.gettrace() is tracer, threading.gettrace(), sys.getprofile())
sys.settrace(None)
net.a.weight.register_hook(
    lambda g: print([f.name for f in traceback.extract_stack() if f.filename == __file__])
)
train()
print(seen[0], seen.count(seen[0]), lines)
print(sys.modules["__main__"].__file__ == __file__, __name__, sys.argv[1:])
tell(*net.parameters(), **lines)
