"""Binary weights trained by a straight-through custom Function."""

import torch
import torch.nn as nn
import torch.nn.functional as F


class BinarySign(torch.autograd.Function):
    @staticmethod
    def forward(ctx, w):
        ctx.save_for_backward(w)
        return w.sign()

    @staticmethod
    def backward(ctx, grad):
        (w,) = ctx.saved_tensors
        return grad * (w.abs() <= 1).to(grad.dtype)


class BinaryLinear(nn.Linear):
    def forward(self, x):
        scale = self.weight.abs().mean(1, keepdim=True).detach()
        return F.linear(x, BinarySign.apply(self.weight) * scale, self.bias)


torch.manual_seed(0)
net = nn.Sequential(
    nn.Linear(10, 64),
    nn.BatchNorm1d(64),
    nn.Hardtanh(),
    BinaryLinear(64, 64),
    nn.BatchNorm1d(64),
    nn.Hardtanh(),
    nn.Linear(64, 3),
)
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
teacher = torch.randn(10, 3)
losses = []
for i in range(250):
    x = torch.randn(128, 10)
    y = (x @ teacher).argmax(1)
    loss = F.cross_entropy(net(x), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
    losses.append(loss.item())
print(losses[0], losses[-1])
assert losses[-1] < 0.5 * losses[0]
