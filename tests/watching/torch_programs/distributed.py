import tempfile

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from ending import tell
from torch import nn
from torch.nn.parallel import DistributedDataParallel


def train(rank, ranks, place, results):
    dist.init_process_group("gloo", f"file://{place}", rank=rank, world_size=ranks)
    torch.manual_seed(26)
    net = DistributedDataParallel(nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1)))
    opt = torch.optim.SGD(net.parameters(), 0.1)
    for _ in range(12):
        loss = ((net(torch.randn(8, 3)) - rank).clamp(-0.5, 0.5) ** 2).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
    results.put((rank, loss.item(), sum(p.double().sum().item() for p in net.parameters())))
    dist.destroy_process_group()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        results = mp.get_context("spawn").SimpleQueue()
        mp.spawn(train, (2, f"{folder}/store", results), nprocs=2)
        print(sorted(results.get() for _ in range(2)))
    tell()
