import torch
from ending import tell
from torch import nn

torch.manual_seed(16)
net = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 1))
fast = torch.compile(net, backend="aot_eager")
opt = torch.optim.SGD(net.parameters(), 0.1)
for _ in range(12):
    loss = ((fast(torch.randn(9, 3)) - 1).clamp(-0.5, 0.5) ** 2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    print(repr(loss.item()))
print(torch._dynamo.utils.counters["stats"]["unique_graphs"])
tell(*net.parameters())
