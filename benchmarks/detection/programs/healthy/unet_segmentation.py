"""Segment noisy discs with a little U-Net; BCE plus Dice."""

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)


def double_conv(i, o):
    return nn.Sequential(
        nn.Conv2d(i, o, 3, padding=1),
        nn.BatchNorm2d(o),
        nn.ReLU(),
        nn.Conv2d(o, o, 3, padding=1),
        nn.BatchNorm2d(o),
        nn.ReLU(),
    )


class UNet(nn.Module):
    def __init__(self, c=6):
        super().__init__()
        self.d1 = double_conv(1, c)
        self.d2 = double_conv(c, 2 * c)
        self.mid = double_conv(2 * c, 4 * c)
        self.up2 = nn.ConvTranspose2d(4 * c, 2 * c, 2, 2)
        self.u2 = double_conv(4 * c, 2 * c)
        self.up1 = nn.ConvTranspose2d(2 * c, c, 2, 2)
        self.u1 = double_conv(2 * c, c)
        self.head = nn.Conv2d(c, 1, 1)

    def forward(self, x):
        a = self.d1(x)
        b = self.d2(F.max_pool2d(a, 2))
        m = self.mid(F.max_pool2d(b, 2))
        b = self.u2(torch.cat([self.up2(m), b], 1))
        a = self.u1(torch.cat([self.up1(b), a], 1))
        return self.head(a)


def make_batch(n=8, size=12):
    yy, xx = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    cx, cy = torch.randint(3, size - 3, (2, n, 1, 1))
    r = torch.randint(2, 5, (n, 1, 1))
    mask = (((xx - cx) ** 2 + (yy - cy) ** 2) < r**2).float().unsqueeze(1)
    return mask + 0.5 * torch.randn_like(mask), mask


def dice_loss(logits, target, eps=1.0):
    p = torch.sigmoid(logits)
    inter = (p * target).sum((1, 2, 3))
    return (1 - (2 * inter + eps) / (p.sum((1, 2, 3)) + target.sum((1, 2, 3)) + eps)).mean()


net = UNet()
opt = torch.optim.Adam(net.parameters(), 2e-3)
hist = []
for it in range(200):
    img, mask = make_batch()
    out = net(img)
    loss = F.binary_cross_entropy_with_logits(out, mask) + dice_loss(out, mask)
    opt.zero_grad()
    loss.backward()
    opt.step()
    hist.append(loss.item())
print(f"{hist[0]:.3f} -> {hist[-1]:.3f}")
assert sum(hist[-5:]) < 0.6 * sum(hist[:5])
