# mypy: ignore-errors
# ruff: noqa
"""Remember the sign of a state's first number over 50 steps of a recurrent net without input."""

import torch
import torch.nn.functional as F

torch.manual_seed(4)
torch.set_default_dtype(torch.float64)
H, T = 16, 50


def with_radius(matrix, radius):
    """Scale a matrix so that its largest eigenvalue has this modulus."""
    return matrix * radius / torch.linalg.eigvals(matrix).abs().max()


w = with_radius(torch.randn(H, H), 0.5).requires_grad_()
readout = (torch.randn(H, 1) / H**0.5).requires_grad_()
optimizer = torch.optim.Adam([w, readout], lr=0.005)

for step in range(400):
    start = 0.5 * torch.randn(64, H)
    labels = (start[:, 0] > 0).float()
    h = start
    for t in range(T):
        h = torch.tanh(h @ w)
    loss = F.binary_cross_entropy_with_logits((h @ readout)[:, 0], labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    average = loss.item() if step == 0 else 0.95 * average + 0.05 * loss.item()

print(f"loss {average:.4f}")
