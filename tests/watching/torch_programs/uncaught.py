import torch
from ending import tell

w = torch.zeros(3, requires_grad=True)
for _ in range(24):
    (w.clamp(-1, 1) ** 2).sum().backward()
tell(w)
torch.nn.functional.relu(w).sum().backward(torch.zeros(4))
