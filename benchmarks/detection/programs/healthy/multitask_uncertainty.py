"""Two tasks with learned uncertainty weights (Kendall et al.)."""

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)


class MultiTask(nn.Module):
    def __init__(self):
        super().__init__()
        self.shared = nn.Sequential(nn.Linear(12, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU())
        self.classify = nn.Linear(64, 3)
        self.regress = nn.Linear(64, 1)
        self.log_vars = nn.Parameter(torch.zeros(2))

    def forward(self, x):
        h = self.shared(x)
        return self.classify(h), self.regress(h).squeeze(1)


model = MultiTask()
opt = torch.optim.Adam(model.parameters(), lr=2e-3)
wc, wr = torch.randn(12, 3), torch.randn(12) / 3
hist = []
for _ in range(250):
    x = torch.randn(96, 12)
    c, r = (x @ wc).argmax(1), torch.tanh(x @ wr)
    logits, pred = model(x)
    l1, l2 = F.cross_entropy(logits, c), F.mse_loss(pred, r)
    s = model.log_vars
    loss = torch.exp(-s[0]) * l1 + s[0] + 0.5 * torch.exp(-s[1]) * l2 + 0.5 * s[1]
    opt.zero_grad()
    loss.backward()
    opt.step()
    hist.append((l1 + l2).item())
print(hist[0], hist[-1])
assert hist[-1] < 0.4 * hist[0]
