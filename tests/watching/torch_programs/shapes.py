import warnings

import torch
from ending import tell
from torch import nn

warnings.simplefilter("ignore")
torch.manual_seed(21)
scale = torch.tensor(0.5, requires_grad=True)
unused = torch.zeros(0, 3, requires_grad=True)
half = torch.randn(4, 4).half().requires_grad_()
double = torch.randn(4, 4, dtype=torch.float64, requires_grad=True)
table, row = nn.Embedding(5, 4), torch.randn(1, 4, requires_grad=True)
fake = torch.ao.quantization.FakeQuantize(
    torch.ao.quantization.MovingAverageMinMaxObserver, quant_min=0, quant_max=255
)
edges = torch.tensor([[0, 1, 2, 3], [1, 2, 3, 0]])
near = torch.sparse_coo_tensor(edges, torch.ones(4), (4, 4))
params = [scale, unused, half, double, row, *table.parameters()]
opt = torch.optim.SGD(params, 1e-3)
for _ in range(24):
    i = torch.randint(0, 5, (4,))
    x = fake(table(i)) @ half.float() + row.expand(4, 4).t().contiguous().T
    x = torch.sparse.mm(near, x) * scale.clamp(0, 1)
    x = x + (torch.relu(double.to(torch.float32)) @ x.to(torch.bfloat16).float()).squeeze()
    x = torch.cat([x, unused @ torch.zeros(3, 4)])
    x = torch.stack([each.tanh() for each in x.unbind(0)])[:, torch.arange(4)]
    loss = (x.as_strided((4, 2), (4, 1)).clamp_min(-0.5) - 1).pow(2).mean() + x[:0].sum()
    opt.zero_grad()
    loss.backward()
    opt.step()
    print(repr(loss.item()), bool((half.grad == 0).all()))
(row[:0].relu().mean() * scale).backward()  # of nothing: not a number
print(scale.grad)
scale.grad = None
nested = torch.nested.nested_tensor([torch.randn(2, 4), torch.randn(3, 4)], requires_grad=True)
torch.nn.functional.linear(nested, double.float()).to_padded_tensor(0.0).sum().backward()
print(double.grad.sum().item())
meta = nn.Linear(3, 3, device="meta")
torch.relu(meta(torch.zeros(2, 3, device="meta"))).clamp(0, 1).sum().backward()
print(meta.weight.grad.shape)
torch.autograd.backward([scale * 2, (row**2).relu()], [torch.ones(()), torch.ones(1, 4)])
torch.autograd.backward(torch.relu(row).sum(), inputs=[row])
print(row.grad.sum().item(), torch.autograd.grad(scale**2, scale, torch.tensor(3.0)))
tell(scale, half, double, row, *table.parameters())
