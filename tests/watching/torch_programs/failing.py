import sys
import traceback
import warnings

import torch
from ending import tell
from torch import nn

torch.manual_seed(22)
warnings.simplefilter("error")
net = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 1))
opt = torch.optim.Adam(net.parameters(), 1e-2)
failures = iter([RuntimeError, KeyboardInterrupt, MemoryError, SystemExit] * 3)


class Full(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, g):
        raise next(failures)("out of memory")


def train(x, through=None):
    opt.zero_grad()
    h = net(x)
    loss = ((through(h) if through else h) - 1).clamp(-0.5, 0.5).pow(2).mean()
    loss.backward()
    opt.step()
    return loss


for step in range(24):
    x = torch.randn(8, 3)
    try:
        loss = train(x, Full.apply if step % 4 == 3 else None)
    except BaseException as error:
        print(type(error).__name__, error)
        traceback.print_exc(file=sys.stdout)
        loss = train(x[:4])
    print(repr(loss.item()), sys.exc_info())
before, times = torch.Tensor.backward, 0


def counted(self, *args, **kwargs):
    global times
    times += 1
    return before(self, *args, **kwargs)


torch.Tensor.backward = counted
for _ in range(4):
    print(repr(train(torch.randn(8, 3)).item()), times)
torch.Tensor.backward = before
step_before = torch.optim.Adam.step
torch.optim.Adam.step = lambda self, closure=None: (print("step"), step_before(self, closure))[1]
call_before = nn.Module.__call__
nn.Module.__call__ = lambda self, *args: (print(type(self).__name__), call_before(self, *args))[1]
print(repr(train(torch.randn(8, 3)).item()))
nn.Module.__call__, torch.optim.Adam.step = call_before, step_before
try:
    torch.relu(net(torch.randn(2, 3))).backward()
except RuntimeError:
    traceback.print_exc(file=sys.stdout)


def deep(n):
    return deep(n - 1) if n else repr(train(torch.randn(8, 3)).item())


sys.setrecursionlimit(400)
print(deep(200))
try:
    deep(1000)
except RecursionError as error:
    print(error)
print(repr(train(torch.randn(8, 3)).item()))
tell(*net.parameters())
