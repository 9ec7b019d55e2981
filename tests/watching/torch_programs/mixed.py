import warnings

import torch
from ending import tell
from torch import nn

warnings.simplefilter("ignore")
torch.manual_seed(3)
net = nn.Sequential(nn.Linear(6, 32), nn.GELU(), nn.Dropout(0.3), nn.Linear(32, 32), nn.ReLU())
one, two = nn.Linear(32, 1), nn.Linear(32, 3)
params = [*net.parameters(), *one.parameters(), *two.parameters()]
opt = torch.optim.AdamW(params, 1e-2)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 20)
scaler = torch.amp.GradScaler("cpu", init_scale=2.0**40)
for step in range(36):
    x = torch.randn(16, 6)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        h = net(x)
        first = (one(h).float().clamp(-1, 1) - x.sum(1, keepdim=True)).abs().mean()
        second = nn.functional.cross_entropy(two(h), torch.randint(0, 3, (16,)))
    scaler.scale(first / 2).backward(retain_graph=True)
    scaler.scale(second / 2).backward()
    if step % 2:
        scaler.unscale_(opt)
        norm = nn.utils.clip_grad_norm_(params, 1.0)
        scaler.step(opt)
        scaler.update()
        opt.zero_grad()
        schedule.step()
        print(repr(norm.item()), scaler.get_scale())
    print(repr(first.item()), repr(second.item()))
tell(*params)
