"""Pre-train a trunk, then fine-tune a new head with the trunk frozen and its norm in eval."""

import copy

import torch
import torch.nn as nn

torch.manual_seed(0)
trunk = nn.Sequential(
    nn.Linear(20, 64),
    nn.BatchNorm1d(64),
    nn.ReLU(),
    nn.Linear(64, 64),
    nn.BatchNorm1d(64),
    nn.ReLU(),
)
teacher = nn.Linear(20, 5)


def train(model, params, target, steps, after_mode=None):
    opt = torch.optim.Adam(params, lr=2e-3)
    curve = []
    for _ in range(steps):
        model.train()
        if after_mode:
            after_mode()
        x = torch.randn(64, 20)
        loss = nn.functional.cross_entropy(model(x), target(x))
        opt.zero_grad()
        loss.backward()
        opt.step()
        curve.append(loss.item())
    return curve


source = nn.Sequential(trunk, nn.Linear(64, 5))
curve1 = train(source, source.parameters(), lambda x: teacher(x).argmax(1), 200)

frozen = copy.deepcopy(trunk)
for p in frozen.parameters():
    p.requires_grad_(False)
finetuned = nn.Sequential(frozen, nn.Linear(64, 2))
curve2 = train(
    finetuned,
    finetuned[1].parameters(),
    lambda x: (teacher(x).argmax(1) > 2).long(),
    200,
    after_mode=frozen.eval,
)
print(curve1[0], curve1[-1], curve2[0], curve2[-1])
assert curve1[-1] < 0.6 * curve1[0]
assert curve2[-1] < 0.8 * curve2[0]
