import warnings

import torch
from ending import tell
from torch import nn
from torch.nn.utils import parametrizations, parametrize, prune, spectral_norm
from torch.nn.utils import weight_norm as old_weight_norm

warnings.simplefilter("ignore")
torch.manual_seed(20)


class Symmetric(nn.Module):
    def forward(self, x):
        return x.triu() + x.triu(1).mT


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = parametrizations.weight_norm(nn.Linear(4, 8))
        self.b = parametrizations.spectral_norm(nn.Linear(8, 8))
        self.c = parametrizations.orthogonal(nn.Linear(8, 8, bias=False))
        self.d = nn.Linear(8, 8)
        parametrize.register_parametrization(self.d, "weight", Symmetric())
        self.e, self.f = old_weight_norm(nn.Linear(8, 8)), spectral_norm(nn.Linear(8, 8))
        self.g, self.h = nn.Linear(8, 8), nn.Linear(8, 1)
        prune.l1_unstructured(self.g, "weight", 0.3)
        prune.random_structured(self.g, "weight", 2, dim=0)

    def forward(self, x):
        for layer in (self.a, self.b, self.c, self.d, self.e, self.f, self.g):
            x = torch.relu(layer(x)) if layer is not self.c else layer(x)
        return self.h(x)


net = nn.DataParallel(Net())
table = nn.Embedding(12, 4, sparse=True, max_norm=1.0)
bag = nn.EmbeddingBag(12, 4, mode="sum", sparse=True)
phase = nn.Parameter(torch.randn(4, dtype=torch.complex64))
opt = torch.optim.NAdam([*net.parameters(), phase], 1e-3)
sparse = torch.optim.SparseAdam([*table.parameters(), *bag.parameters()], 1e-2)
for step in range(16):
    i = torch.randint(0, 12, (6, 3))
    x = table(i).mean(1) + bag(i)
    x = torch.fft.ifft(torch.fft.fft(x.to(torch.complex64)) * phase.exp()).abs()
    loss = ((net(x) - 1).clamp(-0.9, 0.9) ** 2).mean() + (phase.abs() ** 2).mean()
    opt.zero_grad()
    sparse.zero_grad()
    loss.backward()
    opt.step()
    sparse.step()
    print(repr(loss.item()), table.weight.grad.is_sparse)
    if step == 12:
        prune.remove(net.module.g, "weight")
        parametrize.remove_parametrizations(net.module.a, "weight")
tell(*net.parameters(), *table.parameters(), *bag.parameters(), torch.view_as_real(phase))
