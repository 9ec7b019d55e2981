"""Speed of the engine against PyTorch eager and bare NumPy: `make bench`.

Everything runs in one process on one thread, in interleaved turns, so that a busy machine slows all
sides alike. Read the ratios; milliseconds say little. A row is the median of its turns.

    python benchmarks/run.py --rounds 40 --json figures.json
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import itertools
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import torch
from torch import nn

import backsight as bs
from backsight.nn import Linear, ReLU, Sequential, optim

torch.set_num_threads(1)
CHAIN = 200  # ops in a chain
Step = Callable[[], float]


def chain_backsight(x: np.ndarray, c: np.ndarray) -> Step:
    """Multiply by a constant, again and again, and walk back."""
    leaf, factor = bs.tensor(x), bs.tensor(c, requires_grad=False)

    def run() -> float:
        out = leaf
        for _ in range(CHAIN):
            out = out * factor
        leaf.grad = None
        out.backward(x)
        return float(leaf.grad[0, 0])

    return run


def chain_numpy(x: np.ndarray, c: np.ndarray) -> Step:
    """Do the same arithmetic with nothing recorded."""

    def run() -> float:
        out = x
        for _ in range(CHAIN):
            out = out * c
        grad = x
        for _ in range(CHAIN):
            grad = grad * c
        return float(grad[0, 0])

    return run


def chain_torch(x: np.ndarray, c: np.ndarray) -> Step:
    """Do the same with PyTorch eager."""
    leaf, factor, one = torch.tensor(x, requires_grad=True), torch.tensor(c), torch.tensor(x)

    def run() -> float:
        out = leaf
        for _ in range(CHAIN):
            out = out * factor
        leaf.grad = None
        out.backward(one)
        return float(leaf.grad[0, 0])

    return run


def mlp_backsight(sizes: list[int], x: np.ndarray, labels: np.ndarray, weights: list) -> Step:
    """One training step: forward, cross-entropy, backward, SGD."""
    rng = np.random.default_rng(0)
    layers: list = []
    for d, m in itertools.pairwise(sizes):
        layers += [Linear(d, m, rng), ReLU()]
    net = Sequential(*layers[:-1])
    for layer, w in zip(net.layers[::2], weights, strict=True):
        layer.w.value = w
    sgd = optim.SGD(net, lr=0.05)

    def run() -> float:
        loss = bs.cross_entropy(net(x), labels=labels)
        sgd.zero_grad()
        loss.backward()
        sgd.step()
        return loss.item()

    return run


def mlp_torch(sizes: list[int], x: np.ndarray, labels: np.ndarray, weights: list) -> Step:
    """Do the same in PyTorch eager, with its fused SGD."""
    layers: list = []
    for d, m in itertools.pairwise(sizes):
        layers += [nn.Linear(d, m), nn.ReLU()]
    net = nn.Sequential(*layers[:-1])
    with torch.no_grad():
        for layer, w in zip(net[::2], weights, strict=True):
            layer.weight.copy_(torch.tensor(w.T))
            layer.bias.zero_()
    sgd = torch.optim.SGD(net.parameters(), lr=0.05, fused=True)
    tx, tl, criterion = torch.tensor(x), torch.tensor(labels), nn.CrossEntropyLoss()

    def run() -> float:
        loss = criterion(net(tx), tl)
        sgd.zero_grad(set_to_none=True)
        loss.backward()
        sgd.step()
        return loss.item()

    return run


def interleaved(steps: dict[str, Step], rounds: int, repeat: int) -> dict[str, list[float]]:
    """Time each step in turns: seconds a call, one entry a round."""
    times: dict[str, list[float]] = {name: [] for name in steps}
    for step in steps.values():
        step()
    for _ in range(rounds):
        for name, step in steps.items():
            started = time.perf_counter()
            for _ in range(repeat):
                step()
            times[name].append((time.perf_counter() - started) / repeat)
    return times


def ratio(ours: list[float], theirs: list[float]) -> float:
    """Return the median of the ratios of each round."""
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))


def workload(sizes: list[int], batch: int) -> dict[str, Step]:
    """Both sides of one MLP, from the same numbers; their first losses must agree."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal((batch, sizes[0])).astype(np.float32)
    labels = rng.integers(0, sizes[-1], batch)
    weights = [
        (rng.standard_normal((d, m)) * (2 / d) ** 0.5).astype(np.float32)
        for d, m in itertools.pairwise(sizes)
    ]
    steps = {
        "backsight": mlp_backsight(sizes, x, labels, weights),
        "torch": mlp_torch(sizes, x, labels, weights),
    }
    for _ in range(3):
        a, b = steps["backsight"](), steps["torch"]()
        if abs(a - b) > 1e-4 * abs(b):
            sys.exit(f"the two sides disagree: {a} and {b}")
    return steps


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=60, help="turns of each side (60)")
    parser.add_argument("--json", type=Path, help="write the figures to this file, too")
    options = parser.parse_args()
    figures: dict[str, float] = {}

    x, c = np.ones((4, 4), np.float32), np.full((4, 4), 0.5, np.float32)
    times = interleaved(
        {
            "backsight": chain_backsight(x, c),
            "numpy": chain_numpy(x, c),
            "torch": chain_torch(x, c),
        },
        options.rounds,
        5,
    )
    per_op = {name: statistics.median(t) / CHAIN * 1e6 for name, t in times.items()}
    above = statistics.median(
        (a - b) / CHAIN * 1e6 for a, b in zip(times["backsight"], times["numpy"], strict=True)
    )
    figures["chain: µs per op, bare NumPy"] = per_op["numpy"]
    figures["chain: µs per op, Backsight"] = per_op["backsight"]
    figures["chain: µs per op above bare NumPy"] = above
    figures["chain: ratio to PyTorch eager"] = ratio(times["backsight"], times["torch"])

    for title, sizes, batch, repeat in (
        ("MLP 64-128-64-10, batch 32", [64, 128, 64, 10], 32, 20),
        ("MLP 784-512-512-10, batch 128", [784, 512, 512, 10], 128, 2),
    ):
        times = interleaved(workload(sizes, batch), options.rounds, repeat)
        figures[f"{title}: ms, Backsight"] = statistics.median(times["backsight"]) * 1e3
        figures[f"{title}: ratio to PyTorch eager"] = ratio(times["backsight"], times["torch"])

    for name, value in figures.items():
        print(f"{name:58s} {value:8.3f}")
    versions = {"numpy": np.__version__, "torch": torch.__version__}
    print(f"\n{date.today()}, Python {platform.python_version()}, {versions}, one thread")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
