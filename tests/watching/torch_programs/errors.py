import sys

import torch
from ending import tell

torch.manual_seed(13)
w = torch.randn(3, requires_grad=True)
for _ in range(24):
    loss = (w.clamp(-1, 1) ** 2).sum()
    loss.backward()
    for wrong in (loss.backward, lambda: torch.ones(3) + torch.zeros(4), w.backward):
        try:
            wrong()
        except RuntimeError as error:
            print(str(error).splitlines()[0][:60])
    h = w * 2
    h.register_hook(lambda g: 1 / 0)
    try:
        h.clamp(0, 1).sum().backward()
    except ZeroDivisionError as error:
        print("caught", error)
    with torch.no_grad():
        w -= 0.01 * w.grad
tell(w)
sys.exit(3)
