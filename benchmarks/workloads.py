"""Training loops as people write them, for the benchmarks of watching.

    python benchmarks/workloads.py transformer --steps 100
    backsight run benchmarks/workloads.py transformer --steps 100

Prints as JSON how long the loop took, wall and processor time. One thread, fixed seeds. A step is
forward, backward, update and the loss as a number, as a progress bar would want it.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np

Step = Callable[[], float]


def torch_step(model: Any, batch: Callable[[], tuple[Any, Any]], optimizer: Any, loss: Any) -> Step:
    def step() -> float:
        x, y = batch()
        value = loss(model(x), y)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        return value.item()

    return step


def classified(model: Any, *shape: int, classes: int = 10, rate: float = 1e-3) -> Step:
    """Train a classifier on batches of one random data set."""
    import torch

    count, size = 1024, shape[0]
    data, labels = torch.randn(count, *shape[1:]), torch.randint(0, classes, (count,))

    def batch() -> tuple[Any, Any]:
        chosen = torch.randint(0, count, (size,))
        return data[chosen], labels[chosen]

    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    return torch_step(model, batch, optimizer, torch.nn.CrossEntropyLoss())


def small_mlp() -> Step:
    """64-128-64-10, batch 64."""
    from torch.nn import Linear, ReLU, Sequential

    model = Sequential(Linear(64, 128), ReLU(), Linear(128, 64), ReLU(), Linear(64, 10))
    return classified(model, 64, 64)


def wide_mlp() -> Step:
    """784-2048-2048-10, batch 128."""
    from torch.nn import Linear, ReLU, Sequential

    model = Sequential(Linear(784, 2048), ReLU(), Linear(2048, 2048), ReLU(), Linear(2048, 10))
    return classified(model, 128, 784)


def lstm() -> Step:
    """nn.LSTM of 128 units over 40 steps, batch 32."""
    import torch

    class Reader(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = torch.nn.LSTM(32, 128, batch_first=True)
            self.head = torch.nn.Linear(128, 10)

        def forward(self, x: Any) -> Any:
            return self.head(self.lstm(x)[0][:, -1])

    return classified(Reader(), 32, 40, 32)


def hand_rnn() -> Step:
    """64 units of a tanh RNN written as a loop of 50 steps, batch 32."""
    import torch

    class Loop(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.x = torch.nn.Linear(16, 64)
            self.h = torch.nn.Linear(64, 64)
            self.head = torch.nn.Linear(64, 10)

        def forward(self, x: Any) -> Any:
            h = torch.zeros(x.shape[0], 64)
            for t in range(x.shape[1]):
                h = torch.tanh(self.x(x[:, t]) + self.h(h))
            return self.head(h)

    return classified(Loop(), 32, 50, 16)


def cnn() -> Step:
    """Three convolutions with batch norm on 32×32 images, batch 32."""
    from torch import nn

    def block(before: int, after: int) -> list[Any]:
        return [
            nn.Conv2d(before, after, 3, padding=1),
            nn.BatchNorm2d(after),
            nn.ReLU(),
            nn.MaxPool2d(2),
        ]

    head = [nn.Flatten(), nn.Linear(64 * 16, 10)]
    return classified(
        nn.Sequential(*block(3, 16), *block(16, 32), *block(32, 64), *head), 32, 3, 32, 32
    )


def transformer() -> Step:
    """Two layers of nn.TransformerEncoder, width 128, 64 tokens, batch 16."""
    import torch
    from torch import nn

    class Encoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            layer = nn.TransformerEncoderLayer(128, 4, 256, batch_first=True)
            self.encoder = nn.TransformerEncoder(layer, 2)
            self.head = nn.Linear(128, 10)

        def forward(self, x: Any) -> Any:
            return self.head(self.encoder(x).mean(dim=1))

    torch.manual_seed(0)
    return classified(Encoder(), 16, 64, 128)


def engine_mlp() -> Step:
    """64-128-64-10 in Backsight's engine, batch 64."""
    import backsight as bs
    from backsight.nn import Linear, ReLU, Sequential, optim

    rng = np.random.default_rng(0)
    model = Sequential(
        Linear(64, 128, rng), ReLU(), Linear(128, 64, rng), ReLU(), Linear(64, 10, rng)
    )
    optimizer = optim.Adam(model, lr=1e-3)
    data, labels = rng.standard_normal((1024, 64)).astype(np.float32), rng.integers(0, 10, 1024)

    def step() -> float:
        chosen = rng.integers(0, 1024, 64)
        loss = bs.cross_entropy(model(data[chosen]), labels=labels[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def engine_dqn() -> Step:
    """4-64-64-2 in Backsight's engine: updates of a DQN with the Huber loss, batch 32."""
    import backsight as bs
    from backsight.nn import Linear, ReLU, Sequential, optim

    rng = np.random.default_rng(0)

    def network() -> Any:
        return Sequential(
            Linear(4, 64, rng), ReLU(), Linear(64, 64, rng), ReLU(), Linear(64, 2, rng)
        )

    online, target = network(), network()
    optimizer = optim.Adam(online, lr=1e-3)
    states = rng.standard_normal((4096, 4)).astype(np.float32)
    actions, rewards = rng.integers(0, 2, 4096), rng.standard_normal(4096).astype(np.float32)

    def step() -> float:
        chosen = rng.integers(0, 4095, 32)
        with bs.no_grad():
            best = np.max(target(states[chosen + 1]).value, axis=1)
        q = online(states[chosen])[np.arange(32), actions[chosen]]
        loss = np.mean(bs.huber(q - (rewards[chosen] + np.float32(0.99) * best)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


WORKLOADS: dict[str, Callable[[], Step]] = {
    "small-mlp": small_mlp,
    "wide-mlp": wide_mlp,
    "lstm": lstm,
    "hand-rnn": hand_rnn,
    "cnn": cnn,
    "transformer": transformer,
    "engine-mlp": engine_mlp,
    "engine-dqn": engine_dqn,
}


def made(name: str) -> Step:
    """Return a workload, on one thread and with fixed seeds."""
    if not name.startswith("engine"):
        import torch

        torch.set_num_threads(1)
        torch.manual_seed(0)
    return WORKLOADS[name]()


def main() -> None:
    """Train, and print how long it took."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("name", choices=list(WORKLOADS))
    parser.add_argument("--steps", type=int, default=100)
    options = parser.parse_args()
    step = made(options.name)
    loss, begun, processor = 0.0, time.perf_counter(), time.process_time()
    for _ in range(options.steps):
        loss = step()
    figures = {
        "wall": time.perf_counter() - begun,
        "processor": time.process_time() - processor,
        "loss": loss,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
