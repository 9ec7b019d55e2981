import torch
from ending import tell
from torch import nn

torch.manual_seed(5)
count = dict.fromkeys(("forward", "pre", "backward", "tensor", "node", "saved", "step"), 0)


def counting(name):
    def hook(*args):
        count[name] += 1

    return hook


class Straight(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.variable = "a name that leaves have, too"
        ctx.save_for_backward(x)
        return x.round()

    @staticmethod
    def backward(ctx, g):
        return g * (ctx.saved_tensors[0].abs() < 2)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.act = nn.Linear(5, 12), nn.Linear(12, 1), nn.ReLU(inplace=True)

    def forward(self, x):
        z = self.act(self.a(x))
        z += z.mean()
        return self.b(Straight.apply(z).clamp_(-3, 3))


net = Net()
net.b.register_forward_hook(counting("forward"))
net.b.register_forward_pre_hook(counting("pre"))
net.b.register_full_backward_hook(counting("backward"))
net.a.weight.register_hook(counting("tensor"))
opt = torch.optim.SGD(net.parameters(), 0.01, momentum=0.9)
opt.register_step_post_hook(counting("step"))


def packed(x):
    count["saved"] += 1
    return x


for _ in range(30):
    with torch.autograd.graph.saved_tensors_hooks(packed, packed):
        y = net(torch.randn(8, 5))
        loss = (y.clamp(-1, 1) ** 2).mean()
    y.grad_fn.register_hook(counting("node"))
    y.retain_grad()
    opt.zero_grad()
    loss.backward()
    opt.step()
    print(repr(loss.item()), repr(y.grad.norm().item()))
w = torch.randn(4, requires_grad=True)
for _ in range(5):  # second derivatives through backward()
    first = (w.clamp(-1, 1) ** 3).sum()
    (g,) = torch.autograd.grad(first, w, create_graph=True)
    w.grad = None
    (g**2).sum().backward()
    print(w.grad.tolist())
tell(*net.parameters(), w, **count)
