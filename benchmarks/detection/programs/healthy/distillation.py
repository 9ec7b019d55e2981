"""Knowledge distillation with KL on softened logits; the teacher in eval without gradient."""

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)


def make(width):
    return nn.Sequential(nn.Linear(10, width), nn.ReLU(), nn.Dropout(0.1), nn.Linear(width, 5))


task = torch.randn(10, 5)
teacher, student = make(128), make(16)


def batch():
    x = torch.randn(64, 10)
    return x, (x @ task).argmax(1)


opt = torch.optim.Adam(teacher.parameters(), lr=3e-3)
for _ in range(150):
    x, y = batch()
    loss = F.cross_entropy(teacher(x), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
teacher.eval()
opt = torch.optim.Adam(student.parameters(), lr=3e-3)
T, log = 3.0, []
for _ in range(200):
    x, y = batch()
    with torch.no_grad():
        soft = teacher(x)
    out = student(x)
    kd = F.kl_div(F.log_softmax(out / T, 1), F.softmax(soft / T, 1), reduction="batchmean")
    loss = 0.7 * T * T * kd + 0.3 * F.cross_entropy(out, y)
    opt.zero_grad()
    loss.backward()
    opt.step()
    log.append(loss.item())
print(log[0], log[-1])
assert log[-1] < 0.5 * log[0]
