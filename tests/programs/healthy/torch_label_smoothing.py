"""A classifier with class weights and label smoothing, and a distillation from soft targets."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
centres = 1.5 * torch.randn(5, 10)
teacher, student = nn.Linear(10, 5), nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 5))
opt = torch.optim.Adam([*teacher.parameters(), *student.parameters()], lr=5e-3)
criterion = nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 1.0, 0.5, 1.0]), label_smoothing=0.1)
for step in range(200):
    y = torch.randint(0, 5, (64,))
    x = centres[y] + torch.randn(64, 10)
    soft = (teacher(x) / 2).softmax(1).detach()
    told = F.log_softmax(student(x) / 2, dim=1)
    distilled = F.kl_div(told, soft, reduction="batchmean")
    loss = criterion(teacher(x), y) + criterion(student(x), y) + 4 * distilled
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
