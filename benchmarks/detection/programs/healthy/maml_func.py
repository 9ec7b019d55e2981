"""MAML for sinusoids with torch.func (grad, vmap, functional_call)."""

import torch
from torch import nn
from torch.func import functional_call, grad, vmap

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(1, 40), nn.ReLU(), nn.Linear(40, 40), nn.ReLU(), nn.Linear(40, 1))
params = dict(model.named_parameters())
opt = torch.optim.Adam(params.values(), lr=2e-3)


def mse(p, x, y):
    return ((functional_call(model, p, (x,)) - y) ** 2).mean()


def task_loss(x1, y1, x2, y2):
    g = grad(mse)(params, x1, y1)
    adapted = {k: params[k] - 0.05 * g[k] for k in params}
    return mse(adapted, x2, y2)


def tasks(n=16, k=10):
    amp, phase = 0.5 + 1.5 * torch.rand(n, 1, 1), 3.14 * torch.rand(n, 1, 1)
    x1, x2 = 4 * torch.rand(n, k, 1) - 2, 4 * torch.rand(n, k, 1) - 2
    return x1, amp * torch.sin(x1 + phase), x2, amp * torch.sin(x2 + phase)


history = []
for it in range(250):
    loss = vmap(task_loss)(*tasks()).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    history.append(loss.item())
print(history[0], sum(history[-10:]) / 10)
assert sum(history[-20:]) < 0.7 * sum(history[:20])
