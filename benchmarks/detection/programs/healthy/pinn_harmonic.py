"""Physics-informed net for u'' + u = 0, float64, double backward through the input."""

import torch

torch.manual_seed(0)
torch.set_default_dtype(torch.float64)


class PINN(torch.nn.Module):
    def __init__(self, width=24):
        super().__init__()
        sizes = [1, width, width, 1]
        self.layers = torch.nn.ModuleList(
            torch.nn.Linear(a, b) for a, b in zip(sizes[:-1], sizes[1:], strict=True)
        )

    def forward(self, t):
        for layer in self.layers[:-1]:
            t = torch.tanh(layer(t))
        return self.layers[-1](t)


def derivative(u, t):
    return torch.autograd.grad(u, t, torch.ones_like(u), create_graph=True)[0]


net = PINN()
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
t0 = torch.zeros(1, 1, requires_grad=True)
losses = []
for it in range(400):
    t = (3.0 * torch.rand(64, 1)).requires_grad_(True)
    u = net(t)
    residual = (derivative(derivative(u, t), t) + u).pow(2).mean()
    u0 = net(t0)
    boundary = (u0 - 1.0).pow(2).squeeze() + derivative(u0, t0).pow(2).squeeze()
    loss = residual + 5 * boundary
    opt.zero_grad()
    loss.backward()
    opt.step()
    losses.append(loss.item())
print(losses[0], losses[-1])
assert losses[-1] < 0.2 * losses[0]
