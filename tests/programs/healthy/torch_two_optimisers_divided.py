"""Two optimisers of their own rates, gradients summed over 16 passes and divided by hand."""

import torch
from torch import nn

torch.manual_seed(0)
body, head = nn.Sequential(nn.Linear(6, 32), nn.ReLU()), nn.Linear(32, 3)
slow = torch.optim.SGD(body.parameters(), lr=0.05, momentum=0.9)
fast = torch.optim.SGD(head.parameters(), lr=0.1)
truth = torch.randn(6, 3)
for update in range(60):
    for _ in range(16):
        x = torch.randn(8, 6)
        nn.functional.cross_entropy(head(body(x)), (x @ truth).argmax(1)).backward()
    for p in [*body.parameters(), *head.parameters()]:
        p.grad /= 16
    for opt in (slow, fast):
        opt.step()
        opt.zero_grad(set_to_none=False)
