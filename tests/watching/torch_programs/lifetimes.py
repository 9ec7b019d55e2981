import gc
import sys
import weakref

import torch
from ending import tell
from torch import nn

torch.manual_seed(23)
net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
opt = torch.optim.SGD(net.parameters(), 0.05)


def alive():
    return sum(isinstance(each, torch.Tensor) for each in gc.get_objects())


def nodes():
    return sum(type(each).__name__.endswith("Backward0") for each in gc.get_objects())


def step():
    x = torch.randn(16, 4)
    h = torch.tanh(net[1](net[0](x)))
    loss = (net[2](h).clamp(-1, 1) ** 2).mean()
    kept = [weakref.ref(each) for each in (x, h, loss)]
    opt.zero_grad()
    loss.backward()
    opt.step()
    counts = [sys.getrefcount(each) for each in (x, h, loss, loss.grad_fn, net[0].weight)]
    return kept, counts


gc.collect()
gc.freeze()  # what is there already is of no interest
gc.disable()  # what is freed is freed at once, by its count
for _ in range(30):
    kept, counts = step()
    print([each() for each in kept], counts, alive(), nodes())
gc.enable()
gc.unfreeze()
gc.collect()
optimizer, network = weakref.ref(opt), weakref.ref(net)
print(sys.getrefcount(opt), sys.getrefcount(net), gc.garbage)
tell(*net.parameters())
opt = net = None
gc.collect()
print(optimizer(), network())
