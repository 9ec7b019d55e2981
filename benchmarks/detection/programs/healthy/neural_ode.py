"""Neural ODE with a hand-written RK4, trained on a spiral."""

import torch
import torch.nn as nn

torch.manual_seed(0)
true_A = torch.tensor([[-0.1, 2.0], [-2.0, -0.1]])


class ODEFunc(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 2))

    def forward(self, t, y):
        return self.net(y)


def rk4(f, y, ts):
    ys = [y]
    for t0, t1 in zip(ts[:-1], ts[1:], strict=True):
        h = t1 - t0
        k1 = f(t0, y)
        k2 = f(t0 + h / 2, y + h / 2 * k1)
        k3 = f(t0 + h / 2, y + h / 2 * k2)
        k4 = f(t1, y + h * k3)
        y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        ys.append(y)
    return torch.stack(ys)


func = ODEFunc()
optimizer = torch.optim.Adam(func.parameters(), lr=5e-3)
ts = torch.linspace(0, 1.5, 16)
losses = []
for itr in range(150):
    y0 = torch.randn(32, 2)
    with torch.no_grad():
        truth = rk4(lambda t, y: y @ true_A.T, y0, ts)
    loss = (rk4(func, y0, ts) - truth).abs().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
print(losses[0], losses[-1])
assert losses[-1] < 0.4 * losses[0]
