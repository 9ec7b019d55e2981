import torch
from ending import tell
from torch import nn
from torch.func import functional_call, grad, vmap

torch.manual_seed(7)
net = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 1))
params = dict(net.named_parameters())


def loss_of(params, x, y):
    return (functional_call(net, params, (x,)) - y).clamp(-1, 1).pow(2).mean()


def adapted(x, y):
    inner = grad(loss_of)(params, x, y)
    moved = {name: p - 0.1 * inner[name] for name, p in params.items()}
    return loss_of(moved, x, y)


opt = torch.optim.Adam(net.parameters(), 1e-2)
for _ in range(24):
    x, y = torch.randn(6, 10, 2), torch.randn(6, 10, 1)
    loss = vmap(adapted)(x, y).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    each = vmap(grad(loss_of), (None, 0, 0))({k: p.detach() for k, p in params.items()}, x, y)
    print(repr(loss.item()), repr(each["0.bias"].norm().item()))
jacobian = torch.autograd.functional.jacobian(lambda x: net(x).tanh(), torch.randn(3, 2))
print(jacobian.sum().item())
tell(*net.parameters())
