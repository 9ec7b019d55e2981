import copy
import io
import pickle
import sys
import warnings
import weakref

import torch
from ending import tell
from torch import fx, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

warnings.simplefilter("ignore")
torch.manual_seed(19)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(3, 8), nn.Linear(8, 1)

    def forward(self, x):
        return self.b(torch.relu(self.a(x)))


net = Net()
ema = AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(0.9))
opt = torch.optim.AdamW(net.parameters(), 1e-2)
x = torch.randn(16, 3)
for step in range(20):
    loss = ((net(x) - 1).clamp(-0.5, 0.5) ** 2).mean()
    if step == 6:
        other = copy.deepcopy(net)
        (other(x) ** 2).mean().backward()
        again = pickle.loads(pickle.dumps(net))
        print(sum(p.sum().item() for p in (*other.parameters(), *again.parameters())))
        print(pickle.loads(pickle.dumps(loss.detach())), sys.getrefcount(loss))
        died = weakref.ref(other)
        del other
        print(died() is None)
    opt.zero_grad()
    loss.backward()
    opt.step()
    ema.update_parameters(net)
    if step == 9:
        kept = io.BytesIO()
        torch.save({"net": net.state_dict(), "opt": opt.state_dict(), "whole": net}, kept)
        kept.seek(0)
        found = torch.load(kept, weights_only=False)
        net.load_state_dict(found["net"])
        opt = torch.optim.AdamW(net.parameters(), 1e-2)
        opt.load_state_dict(found["opt"])
    print(repr(loss.item()), vars(opt).keys() == vars(copy.deepcopy(opt)).keys())
traced = fx.symbolic_trace(net)
print(traced.code)
scripted = torch.jit.script(net)
by_trace = torch.jit.trace(net, x)
print([line.strip() for line in str(by_trace.graph).splitlines()][:3])
for each in (traced, scripted, by_trace):
    opt = torch.optim.SGD(each.parameters(), 0.01)
    for _ in range(4):
        loss = ((each(x) - 1).clamp(-0.5, 0.5) ** 2).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        print(repr(loss.item()))
print(sorted(vars(net)), sorted(net._forward_hooks), sorted(vars(net.a.weight)))
tell(*net.parameters(), *ema.parameters())
