import torch
from ending import tell
from torch import nn
from torch.overrides import TorchFunctionMode

torch.manual_seed(23)
calls = {"mode": 0, "pre": 0, "post": 0, "grad": 0}


class Counting(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        calls["mode"] += 1
        return func(*args, **(kwargs or {}))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.norm = nn.Linear(4, 8), nn.BatchNorm1d(8)
        self.drop, self.last = nn.Dropout(0.3), nn.Linear(8, 2)

    def forward(self, x):
        return self.last(self.drop(torch.relu(self.norm(self.first(x)))))


net, target = Net(), Net()
target.load_state_dict(net.state_dict())
layer = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
net.register_forward_pre_hook(lambda *_: calls.__setitem__("pre", calls["pre"] + 1))
net.register_forward_hook(lambda *_: calls.__setitem__("post", calls["post"] + 1))
opt = torch.optim.Adam(net.parameters(), 1e-2)
state = torch.zeros(2)
x, y = torch.randn(32, 4), torch.randint(0, 2, (32,))
for step in range(20):
    net.train(step % 5 != 4)
    with torch.no_grad():
        wanted = target(x).softmax(1)
        features = layer(x[None]).mean()
        best = wanted.max(1)[0]
        best[0] = net(x)[0, 0]
    with torch.inference_mode():
        score = net.eval()(x).argmax(1)
    net.train(step % 5 != 4)
    with Counting():
        out = net(x)
        mask = (out > 0).float()
        state = 0.9 * state + 0.1 * out.mean(0).data
        count = torch.tensor([out[0, 0].item(), float(out[0, 1]), out.sum().tolist()])
        frozen = out.detach().clone().requires_grad_()
    out.register_hook(lambda grad: calls.__setitem__("grad", calls["grad"] + 1))
    soft = out.sigmoid()
    straight = soft + (mask - soft).detach()
    loss = nn.functional.cross_entropy(out, y) + 0.1 * ((straight - wanted) ** 2).mean()
    loss = loss + 0.01 * (out @ state).mean() + 0.01 * (out[:3, 0] * count).sum()
    loss = loss + 0.01 * (out[:, 0] * torch.from_numpy(out[:, 1].detach().numpy())).mean()
    loss = loss + 0.01 * (frozen * 2).mean() + 1e-3 * features
    try:
        with torch.no_grad():
            net(torch.zeros(3, 9))
    except RuntimeError:
        calls["grad"] += 100
    opt.zero_grad()
    loss.backward()
    kept = (out * 2).sum()
    kept.detach_()
    opt.step()
    with torch.no_grad():
        for ours, theirs in zip(target.parameters(), net.parameters(), strict=True):
            ours.mul_(0.9).add_(theirs, alpha=0.1)
    print(repr(loss.item()), kept.requires_grad, int(score.sum()), repr(best.sum().item()))
print(sorted(calls.items()), frozen.grad.sum().item(), net.training)
print(nn.Module.train.__name__, nn.Module.eval.__name__)
tell(*net.parameters(), *target.parameters(), *net.buffers(), state)
