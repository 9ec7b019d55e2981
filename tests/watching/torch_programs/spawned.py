import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import torch
from ending import tell
from torch import nn
from torch.utils.data import DataLoader, Dataset


class Data(Dataset):
    def __len__(self):
        return 24

    def __getitem__(self, i):
        return torch.full((3,), float(i)), torch.rand(3)


def gradient(x):
    w = torch.tensor(x, requires_grad=True)
    (w.clamp(0, 1) ** 2).backward()
    return w.grad.item()


if __name__ == "__main__":
    torch.manual_seed(27)
    net = nn.Linear(3, 3)
    opt = torch.optim.SGD(net.parameters(), 1e-4)
    for x, y in DataLoader(Data(), 2, num_workers=1, multiprocessing_context="spawn"):
        loss = ((net(x) - y).clamp(-1, 1) ** 2).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        print(repr(loss.item()))
    with ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as pool:
        print(list(pool.map(gradient, (0.5, 2.0))))
    tell(*net.parameters())
