"""Eight sigmoid layers."""

import numpy as np

import backsight as bs

LEAK = "BS101"


def train(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(128, 16))
    labels = (x[:, 0] > 0).astype(int)
    layers = [bs.nn.Linear(16, 16, rng, start=bs.nn.init.xavier_uniform) for _ in range(8)]
    head = bs.nn.Linear(16, 2, rng, start=bs.nn.init.xavier_uniform)
    model = bs.nn.Sequential(*(part for each in layers for part in (each, bs.sigmoid)), head)
    optimizer = bs.nn.optim.SGD(model, lr=0.1)
    for _ in range(60):
        loss = bs.cross_entropy(model(x.astype(np.float32)), labels=labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
