"""Observing changes nothing: not a bit of a result, not an error, not a call of the user's."""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import backsight as bs
from backsight import nn
from backsight.ops.protocol import OPS
from backsight.traces.recording import load_recording
from backsight.watching import Sampling, Session
from backsight.watching.engine import watch_engine

from .engine_runs import recorded

SEED = 31
Result = list[Any]


def adam(rng: Any) -> Result:
    x, y = rng.normal(size=(32, 4)), rng.integers(0, 3, size=32)
    w, b, v = (bs.tensor(rng.normal(size=shape)) for shape in ((4, 16), (16,), (16, 3)))
    opt = nn.optim.Adam([w, b, v], lr=0.05)
    for _ in range(10):
        opt.zero_grad()
        loss = bs.cross_entropy(np.maximum(x @ w + b, 0) @ v, labels=y)
        loss.backward()
        opt.step()
    return [w.value, b.value, v.value, loss.value]


def lstm_by_hand_and_fused(rng: Any) -> Result:
    x = rng.normal(size=(12, 5, 3))
    w, u = bs.tensor(rng.normal(size=(3, 16))), bs.tensor(rng.normal(size=(4, 16)))
    r = bs.tensor(rng.normal(size=(4, 4)))
    for _ in range(4):
        h, c, k = np.zeros((5, 4)), np.zeros((5, 4)), np.zeros((5, 4))
        for each in x:
            h, c = bs.lstm_cell(each, h, c, w, u)
            k = bs.sigmoid(h) * np.tanh(k @ r + h)
        for t in (w, u, r):
            t.grad = None
        np.mean(k**2).backward()
        for t in (w, u, r):
            t.value -= 0.1 * t.grad
    return [w.value, u.value, r.value]


def half_precision_and_images(rng: Any) -> Result:
    images = rng.normal(size=(2, 1, 8, 8)).astype(np.float32)
    kernel = bs.tensor(rng.normal(size=(3, 1, 3, 3)).astype(np.float32))
    scale = bs.tensor(np.float16(2.0))
    for _ in range(3):
        out = bs.relu(bs.conv2d(images, kernel)).astype(np.float16) * scale
        kernel.grad = scale.grad = None
        np.mean(out).backward()
        kernel.value -= np.float32(0.1) * kernel.grad
    return [kernel.value, scale.value]


def extreme(rng: Any) -> Result:
    w = bs.tensor(np.array([[1e200, -1e200], [1e-300, 0.0]]))
    u = bs.tensor(np.eye(2) * 1e20)
    for _ in range(3):
        with np.errstate(all="ignore"):
            h = np.ones((2, 2))
            for _ in range(20):
                h = np.tanh(h @ u)
            loss = np.mean(bs.softplus(h @ w)) + np.sum(np.empty((0, 2)) @ w)
        w.grad = u.grad = None
        loss.backward()
    return [w.grad, u.grad]


def several_backward_and_kept_graphs(rng: Any) -> Result:
    w = bs.tensor(rng.normal(size=(4, 4)))
    h = np.tanh(rng.normal(size=(3, 4)) @ w)
    one, other = np.mean(h), np.sum(h**2)
    one.backward(retain_graph=True)
    other.backward()
    second = bs.grad(lambda v: bs.grad(lambda z: np.sum(np.tanh(z) ** 3))(v).sum())
    return [w.grad, second(rng.normal(size=3))]


PROGRAMS = [
    adam,
    lstm_by_hand_and_fused,
    half_precision_and_images,
    extreme,
    several_backward_and_kept_graphs,
]


@pytest.fixture(autouse=True)
def strict() -> Iterator[None]:
    """What a careful user sets: every numerical accident is an error."""
    with np.errstate(all="raise"), warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.mark.parametrize("program", PROGRAMS)
def test_results_are_the_same_to_the_bit(program: Callable[[Any], Result], tmp_path: Path) -> None:
    with np.errstate(under="ignore"):
        bare = program(np.random.default_rng(SEED))
        watched: Result = []
        recorded(tmp_path, lambda: watched.extend(program(np.random.default_rng(SEED))))
    assert len(bare) == len(watched)
    for one, other in zip(bare, watched, strict=True):
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other))


def test_an_op_of_the_users_is_called_as_often(tmp_path: Path) -> None:
    calls = []

    @bs.op
    def mine(x: Any) -> Any:
        return x * 0.9

    @mine.backward
    def mine_backward(dout: Any) -> Any:
        calls.append(1)
        return dout * 0.9

    u = bs.tensor(np.eye(3))

    def train() -> None:
        for _ in range(3):
            h = np.ones((2, 3))
            for _ in range(10):
                h = mine(h @ u)
            np.mean(h).backward()

    try:
        recorded(tmp_path, train)
    finally:
        del OPS["mine"]
    assert len(calls) == 30


def test_nothing_of_ours_remains(tmp_path: Path) -> None:
    from backsight.engine import observers
    from backsight.engine.tensors import Tensor

    before = Tensor.__init__, nn.optim.Optimizer.__post_init__, list(observers.active)
    recorded(tmp_path, lambda: bs.tensor(1.0).backward())
    after = Tensor.__init__, nn.optim.Optimizer.__post_init__, list(observers.active)
    assert before == after


def test_the_end_never_waits_for_a_lock_that_it_holds_itself(tmp_path: Path) -> None:
    """As in a signal handler that interrupts the watching."""
    session = Session(tmp_path / "run.bsr", script="t.py", sampling=Sampling(every_step=True))
    watch_engine(session)
    w = bs.tensor(np.ones((4, 4)))
    np.mean(np.ones((2, 4)) @ w).backward()
    begun = time.monotonic()
    with session._lock:
        session.finish(0)
    assert time.monotonic() - begun < 10
    assert len(load_recording(tmp_path / "run.bsr").steps) == 1


def test_threads_train_side_by_side(tmp_path: Path) -> None:
    def train(seed: int) -> None:
        rng = np.random.default_rng(seed)
        for _ in range(5):
            adam(rng)

    def side_by_side() -> None:
        threads = [threading.Thread(target=train, args=(seed,)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    with np.errstate(under="ignore"):
        recording = recorded(tmp_path, side_by_side)
    assert recording.meta["steps"] == 200
