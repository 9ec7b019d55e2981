"""Adversarial/style-like: the model is trained first, then only an input image is optimised."""

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)
model = nn.Sequential(
    nn.Conv2d(1, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8 * 25, 4)
)
protos = torch.randn(4, 1, 12, 12)
opt = torch.optim.Adam(model.parameters(), lr=3e-3)
for _ in range(120):
    y = torch.randint(0, 4, (32,))
    loss = F.cross_entropy(model(protos[y] + 0.5 * torch.randn(32, 1, 12, 12)), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
model.eval()
image = torch.zeros(1, 1, 12, 12, requires_grad=True)
image_opt = torch.optim.Adam([image], lr=0.05)
scores = []
for _ in range(100):
    image_opt.zero_grad()
    loss = F.cross_entropy(model(image), torch.tensor([2])) + 1e-3 * image.pow(2).sum()
    loss.backward()
    image_opt.step()
    scores.append(loss.item())
print(scores[0], scores[-1])
assert scores[-1] < 0.5 * scores[0]
