import torch
from ending import tell
from torch import nn
from torch.autograd import Function, gradcheck
from torch.autograd.function import once_differentiable
from torch.autograd.graph import save_on_cpu, saved_tensors_hooks
from torch.func import vmap

torch.manual_seed(17)
calls = {"packed": 0, "unpacked": 0, "backward": 0}


class Once(Function):
    @staticmethod
    def forward(ctx, x):
        y = x.sigmoid()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx, g):
        calls["backward"] += 1
        (y,) = ctx.saved_tensors
        return g * y * (1 - y)


class Split(Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x, bound):
        return x.clamp(-bound, bound), x.detach().abs() > bound

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, ctx.bound = inputs
        ctx.save_for_backward(x)
        ctx.mark_non_differentiable(output[1])
        ctx.set_materialize_grads(False)

    @staticmethod
    def backward(ctx, g, _):
        (x,) = ctx.saved_tensors
        return (g * (x.abs() <= ctx.bound) if g is not None else None), None


def packed(x):
    calls["packed"] += 1
    return x.to(torch.float64) if x.is_floating_point() else x


def unpacked(x):
    calls["unpacked"] += 1
    return x.to(torch.float32) if x.is_floating_point() else x


a, b = nn.Linear(4, 8), nn.Linear(8, 1)
opt = torch.optim.SGD([*a.parameters(), *b.parameters()], 0.1)
for step in range(24):
    with (saved_tensors_hooks(packed, unpacked), save_on_cpu())[step % 2]:
        h, out = Split.apply(torch.relu(a(torch.randn(6, 4))), 1.0)
        loss = (b(Once.apply(h)).clamp(-2, 2) ** 2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    print(repr(loss.item()), int(out.sum()), calls)
w = torch.randn(3, requires_grad=True)
with torch.autograd.detect_anomaly(check_nan=True):
    ((w.clamp(-1, 1) * 2).relu() ** 2).sum().backward()
    try:
        (torch.sqrt(w * 0) * 0).sum().backward()
    except RuntimeError as error:
        print(str(error)[:70])
x = torch.randn(5, dtype=torch.float64, requires_grad=True)
print(gradcheck(lambda x: x.sigmoid().clamp(0.2, 0.8), x), gradcheck(torch.tanh, x))
print(vmap(lambda x: Split.apply(x, 0.5)[0])(torch.randn(3, 2)).sum().item())
tell(*a.parameters(), *b.parameters(), w.grad, **calls)
