import torch
from ending import tell
from torch import nn

torch.manual_seed(6)
net = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1))
x, y = torch.randn(40, 3), torch.randn(40, 1)
opt = torch.optim.LBFGS(net.parameters(), max_iter=5, line_search_fn="strong_wolfe")
calls = 0


def closure():
    global calls
    calls += 1
    opt.zero_grad()
    loss = ((net(x) - y).clamp(-2, 2) ** 2).mean()
    loss.backward()
    return loss


for _ in range(8):
    print(repr(opt.step(closure).item()))
tell(*net.parameters(), calls=calls)
