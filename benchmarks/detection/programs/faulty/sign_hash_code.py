"""Deep hashing with torch.sign in the forward pass."""

import torch
import torch.nn as nn

torch.manual_seed(0)
hasher = nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, 16))
classifier = nn.Linear(16, 4)
opt = torch.optim.Adam([*hasher.parameters(), *classifier.parameters()], lr=1e-3)
centres = torch.randn(4, 20)
for it in range(150):
    y = torch.randint(0, 4, (64,))
    x = centres[y] + 0.5 * torch.randn(64, 20)
    code = hasher(x).sign()  # leak: BS303 or BS304
    loss = nn.functional.cross_entropy(classifier(code), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
