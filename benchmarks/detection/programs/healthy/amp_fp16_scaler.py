"""Half precision with GradScaler, unscale and clip, as in the AMP recipe."""

import torch
import torch.nn as nn

torch.manual_seed(0)
device = "cuda" if torch.cuda.is_available() else "cpu"
net = nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))
net.to(device)
opt = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
scaler = torch.amp.GradScaler(device, init_scale=2.0**14)
target = torch.randn(20, 1, device=device) / 20**0.5
losses = []
for epoch in range(150):
    x = torch.randn(64, 20, device=device)
    y = torch.tanh(x @ target)
    opt.zero_grad()
    with torch.autocast(device_type=device, dtype=torch.float16):
        out = net(x)
        loss = nn.functional.mse_loss(out.float(), y)
    scaler.scale(loss).backward()
    scaler.unscale_(opt)
    nn.utils.clip_grad_norm_(net.parameters(), max_norm=1.0)
    scaler.step(opt)
    scaler.update()
    losses.append(loss.item())
print(losses[0], losses[-1], scaler.get_scale())
assert losses[-1] < 0.4 * losses[0]
