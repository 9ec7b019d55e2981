import copy
import io
import pickle
import warnings

import torch
from ending import tell
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

warnings.simplefilter("ignore")
torch.manual_seed(21)


class Signs(torch.optim.Optimizer):
    def __init__(self, params, lr=1e-3):
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p.sub_(p.grad.sign(), alpha=group["lr"])


class Warm(torch.optim.lr_scheduler.LRScheduler):
    def get_lr(self):
        return [base * min(1.0, (self.last_epoch + 1) / 5) for base in self.base_lrs]


net = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 1))
nn.init.orthogonal_(net[0].weight), nn.init.zeros_(net[2].bias)
with torch.no_grad():
    net[2].weight.mul_(0.5)
    net[2].weight[0, 3] = 0.25
other = nn.Linear(6, 1)
other.bias.data.uniform_(-1, 1)
free = torch.full((1,), 0.5).requires_grad_()
groups = [{"params": net[0].parameters(), "lr": 1e-2}, {"params": net[2].parameters()}]
one = torch.optim.AdamW(groups, 1e-3, foreach=True)
two = Signs([*other.parameters(), free])
three = torch.optim.SGD(net.parameters(), torch.tensor(1e-4), momentum=0.9, nesterov=True)
schedules = [
    torch.optim.lr_scheduler.SequentialLR(
        one, [Warm(one), torch.optim.lr_scheduler.CosineAnnealingLR(one, 20)], [5]
    ),
    torch.optim.lr_scheduler.ReduceLROnPlateau(two, patience=2),
]
mean = AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(0.9))
scaler = torch.amp.GradScaler("cpu", init_scale=2.0**125, growth_interval=3)
one.register_step_post_hook(lambda *_: print("mine"))
for step in range(30):
    x = torch.randn(16, 6)
    if step == 10:
        state, kept = copy.deepcopy(one.state_dict()), io.BytesIO()
        torch.save(net.state_dict(), kept)
        kept.seek(0)
        net.load_state_dict(torch.load(kept))
        one.load_state_dict(state)
    if step == 15:
        two = pickle.loads(pickle.dumps(copy.deepcopy(two)))
        for p, known in zip(
            two.param_groups[0]["params"], [*other.parameters(), free], strict=True
        ):
            p.grad = None if known.grad is None else known.grad.clone()
            known.data.copy_(p)
        two.param_groups[0]["params"] = [*other.parameters(), free]
        net = copy.deepcopy(net)
        one = torch.optim.AdamW(net.parameters(), 1e-3, fused=True)
        one.add_param_group({"params": [torch.ones(2, requires_grad=True)], "lr": 0.1})
    loss = ((net(x) - other(x) * free).clamp(-3, 3) ** 2).mean()
    one.zero_grad(set_to_none=step % 2 == 0)
    scaler.scale(loss).backward()
    scaler.unscale_(one)
    norm = nn.utils.clip_grad_norm_(net.parameters(), 0.5)
    scaler.step(one), scaler.step(two), scaler.update()
    if step % 3 == 0:
        two.zero_grad()
    if step < 15:
        schedules[0].step()
    schedules[1].step(loss)
    if step > 25:
        three.zero_grad()
        net(x).pow(2).mean().backward()
        nn.utils.clip_grad_value_(net.parameters(), 1e-3)
        three.step()
    mean.update_parameters(net) if step < 15 else None
    rates = [float(group["lr"]) for each in (one, two) for group in each.param_groups]
    print(repr(loss.item()), repr(norm.item()), scaler.get_scale(), rates)
print(type(one).__init__ is torch.optim.AdamW.__init__, isinstance(two, torch.optim.Optimizer))
tell(*net.parameters(), *other.parameters(), *mean.parameters(), free)
