"""DP-SGD by hand with torch.func: clip every sample's gradient, add noise."""

import torch
from torch.func import functional_call, grad, vmap

torch.manual_seed(0)
net = torch.nn.Sequential(torch.nn.Linear(10, 32), torch.nn.Tanh(), torch.nn.Linear(32, 2))
params = {k: v.detach() for k, v in net.named_parameters()}
W = torch.randn(10)


def loss_fn(p, x, y):
    out = functional_call(net, p, (x.unsqueeze(0),))
    return torch.nn.functional.cross_entropy(out, y.unsqueeze(0))


per_sample = vmap(grad(loss_fn), in_dims=(None, 0, 0))
losses = []
for step in range(150):
    x = torch.randn(64, 10)
    y = (x @ W > 0).long()
    g = per_sample(params, x, y)
    norm = sum(v.flatten(1).norm(dim=1) ** 2 for v in g.values()).sqrt()
    scale = (1.0 / norm).clamp(max=1.0)
    for k, v in g.items():
        mean = (v * scale.view(-1, *[1] * (v.dim() - 1))).mean(0)
        params[k] = params[k] - 0.5 * (mean + 0.01 * torch.randn_like(mean))
    losses.append(torch.nn.functional.cross_entropy(functional_call(net, params, (x,)), y).item())
print(losses[0], losses[-1])
assert losses[-1] < 0.6 * losses[0]
