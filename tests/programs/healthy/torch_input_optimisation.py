"""Style transfer in small: the picture is optimised, the network stays as it is."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
features = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1))
for p in features.parameters():
    p.requires_grad_(False)


def gram(x):
    flat = x.flatten(2)
    return flat @ flat.transpose(1, 2) / flat.shape[-1]


content, style = torch.rand(1, 3, 16, 16), torch.rand(1, 3, 16, 16)
content_goal, style_goal = features(content), gram(features(style))
picture = content.clone().requires_grad_()
optimizer = torch.optim.Adam([picture], lr=0.02)
for step in range(80):
    seen = features(picture)
    loss = F.mse_loss(seen, content_goal) + 10 * F.mse_loss(gram(seen), style_goal)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print(loss.item())
