"""A thousand observed steps keep nothing alive: what the script lets go of is gone at once.

What we keep on purpose is bounded: windows of units, rows that wait to be written, a log of calls.
"""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import backsight as bs
from backsight.nn.optim import Adam

STEPS = [200, pytest.param(1000, marks=pytest.mark.prove)]
KEPT = 5  # steps whose values may still be known: the log of one forward, the graph of one pass
PER_STEP = 0.9  # objects a step may add, of what fills up; one for each step would be a leak


@pytest.fixture
def uncollected(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No collector: what dies in here dies because nobody refers to it, cycles included.

    Rows are written every few steps, not every second: how many wait would depend on the machine.
    """
    monkeypatch.setattr("backsight.traces.recording_writer.MOST_PENDING", 8)
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def grown(step: Callable[[], list[Any]], steps: int) -> tuple[float, int]:
    """Watch some steps; return objects added by each, and how many steps' values live on."""
    alive: list[list[weakref.ref[Any]]] = []
    with bs.watch(every_step=True) as run:
        for _ in range(steps // 2):
            step()
        gc.collect()  # it also forgets tuples of plain numbers, such as rows of a recording
        before = len(gc.get_objects())
        for _ in range(steps // 2):
            alive.append([weakref.ref(value) for value in step()])
        living = sum(any(each() is not None for each in values) for values in alive)
        alive.clear()
        gc.collect()
        after = len(gc.get_objects())
    assert run.diagnosis.observed["probed"] == steps
    assert not run.diagnosis.failure
    return (after - before) / (steps // 2), living


@pytest.mark.parametrize("steps", STEPS)
@pytest.mark.usefixtures("uncollected")
def test_the_engine_lets_go(steps: int) -> None:
    rng = np.random.default_rng(0)
    w, v = (bs.tensor(rng.normal(size=(4, 4)) * 0.5, name=name) for name in "wv")
    optimizer, x = Adam([w, v], 1e-3), rng.normal(size=(8, 4))

    def step() -> list[Any]:
        h = bs.relu(x @ w)
        loss = np.mean(np.clip(h @ v, -0.1, 0.1) ** 2)
        w.grad = v.grad = None
        loss.backward()
        optimizer.step()
        return [h, loss]

    objects, living = grown(step, steps)
    assert objects <= PER_STEP
    assert living <= KEPT


@pytest.mark.torch
@pytest.mark.parametrize("steps", STEPS)
@pytest.mark.usefixtures("uncollected")
def test_pytorch_lets_go(steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    monkeypatch.setattr("backsight.adapters.torch.calls.KEPT", 100)  # calls: some ten steps
    monkeypatch.setattr("backsight.adapters.torch.forward.cuts.MOST_TAINTED", 80)  # values
    with torch.random.fork_rng():
        net = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.ReLU(), torch.nn.Linear(4, 1))
        optimizer, x = torch.optim.Adam(net.parameters(), 1e-3), torch.randn(8, 4)

    def step() -> list[Any]:
        h = net(x)
        aim = h.detach() * 2
        loss = ((h - aim).clamp(-0.1, 0.1) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return [h, aim, loss]

    objects, living = grown(step, steps)
    assert objects <= PER_STEP
    assert living <= KEPT
