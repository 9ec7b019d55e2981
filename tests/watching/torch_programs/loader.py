import torch
from ending import tell
from torch import nn
from torch.utils.data import DataLoader, Dataset


class Data(Dataset):
    def __len__(self):
        return 48

    def __getitem__(self, i):
        x = torch.full((3,), float(i), requires_grad=True)
        x.sin().clamp(0, 0.5).sum().backward()  # a worker may differentiate, too
        return x.detach() + torch.rand(3), x.grad


def train(method):
    loader = DataLoader(Data(), 8, shuffle=True, num_workers=2, multiprocessing_context=method)
    for x, y in loader:
        loss = ((net(x) - y).clamp(-1, 1) ** 2).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        print(repr(loss.item()))


if __name__ == "__main__":
    torch.manual_seed(10)
    net = nn.Linear(3, 3)
    opt = torch.optim.SGD(net.parameters(), 1e-3)
    train("fork")
    train("fork")
    tell(*net.parameters())
