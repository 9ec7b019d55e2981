import torch
from ending import tell
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

torch.manual_seed(8)
calls = {}


class Counting(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        name = getattr(func, "__name__", str(func))
        calls[name] = calls.get(name, 0) + 1
        return func(*args, **(kwargs or {}))


class Dispatched(TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        calls[str(func)] = calls.get(str(func), 0) + 1
        return func(*args, **(kwargs or {}))


net = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1))
opt = torch.optim.SGD(net.parameters(), 0.1)


def step():
    loss = ((net(torch.randn(9, 3)) - 1).clamp(-0.5, 0.5) ** 2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    print(repr(loss.item()))


for _ in range(4):
    step()
with Counting():
    for _ in range(4):
        step()
torch.set_default_device("cpu")
for _ in range(4):
    step()
with torch.device("meta"):
    for _ in range(2):
        where = torch.zeros(2, requires_grad=True)
        where.clamp(0, 1).sum().backward()
        print(where.grad.device)
print(torch.zeros(1).device)
with torch.device("cpu"):
    step()
    with Counting():
        step()
        with torch.device("cpu"):
            step()
    step()
outer = torch.device("cpu")
with outer:
    loss = (net(torch.zeros(2, 3)) ** 2).mean()
loss.backward()
torch.set_default_device(None)
for _ in range(3):
    step()
with Dispatched():
    step()
counting = Counting()
counting.__enter__()
step()
counting.__exit__(None, None, None)
step()
theirs = [torch._C._get_function_stack_at(i) for i in range(torch._C._len_torch_function_stack())]
print([type(mode) for mode in theirs if type(mode).__name__ != "CallLog"], sorted(calls.items()))
tell(*net.parameters())
