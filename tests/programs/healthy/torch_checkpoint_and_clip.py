"""Activation checkpointing in a residual network, with gradients clipped by norm."""

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.up, self.down = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)

    def forward(self, x):
        return x + self.down(torch.relu(self.up(self.norm(x))))


torch.manual_seed(0)
blocks = nn.ModuleList(Block(16) for _ in range(4))
head = nn.Linear(16, 1)
parameters = [*blocks.parameters(), *head.parameters()]
opt = torch.optim.Adam(parameters, lr=2e-3)
x = torch.randn(128, 16)
y = x[:, :4].prod(1, keepdim=True)
for step in range(60):
    h = x
    for block in blocks:
        h = checkpoint(block, h, use_reentrant=False)
    loss = nn.functional.mse_loss(head(h), y)
    opt.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(parameters, 1.0)
    opt.step()
print(loss.item())
