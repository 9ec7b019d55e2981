import torch
from ending import tell
from torch import nn
from torch.autograd import forward_ad
from torch.func import functional_call, hessian, jacfwd, jacrev, jvp, linearize, vjp

torch.manual_seed(18)
net = nn.Sequential(nn.Linear(2, 6), nn.Tanh(), nn.Linear(6, 1))
params = dict(net.named_parameters())
opt = torch.optim.Adam(net.parameters(), 1e-2)


def energy(x):
    return net(x).clamp(-5, 5).sum()


for _ in range(14):
    x = torch.randn(8, 2)
    slope = torch.stack([jacrev(energy)(each) for each in x[:2]])  # a term of the loss
    value, pushed = jvp(net, (x,), (torch.ones_like(x),))
    loss = (value - x.sum(1, keepdim=True)).clamp(-1, 1).pow(2).mean() + 0.01 * slope.pow(2).sum()
    loss = loss + 0.01 * pushed.pow(2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    print(repr(loss.item()))
x = torch.randn(2)
print(hessian(energy)(x).tolist(), jacfwd(net)(x).tolist())
print(vjp(net, x)[1](torch.ones(1))[0].tolist(), linearize(net, x)[1](torch.ones(2)).tolist())
print(torch.autograd.functional.hvp(energy, x, torch.ones(2))[1].tolist())
print(torch.autograd.functional.vhp(energy, x, torch.ones(2))[1].tolist())
with forward_ad.dual_level():
    dual = functional_call(net, params, (forward_ad.make_dual(x, torch.ones(2)),))
    print(forward_ad.unpack_dual(dual).tangent.tolist())
tell(*net.parameters())
