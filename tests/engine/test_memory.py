"""Long chains, freed buffers, flat memory, no reference cycles."""

from __future__ import annotations

import gc
import linecache
import sys
import tracemalloc
import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import backsight as bs
from backsight.engine import gradients


@pytest.fixture
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def network(x: Any, w: Any, v: Any) -> Any:
    h = bs.relu(bs.linear(x, w))
    return bs.softmax(np.concatenate([h, h[:, :2]], axis=1) @ v).max(axis=1).mean()


def parts() -> tuple[Any, Any, Any]:
    w, v = bs.tensor(np.full((6, 8), 0.1)), bs.tensor(np.full((10, 3), 0.2))
    return np.ones((4, 6)), w, v


def test_chain_of_a_million_operations() -> None:
    limit = sys.getrecursionlimit()
    x = bs.tensor(1.0)
    h: Any = x
    for _ in range(1_000_000):
        h = h + 1e-6
    h.backward()
    assert sys.getrecursionlimit() == limit
    assert x.grad == 1.0
    assert abs(h.item() - 2.0) < 1e-9


def test_long_chain_is_dropped_without_recursion(no_collector: None) -> None:
    h: Any = bs.tensor(1.0)
    first = weakref.ref(h)
    for _ in range(300_000):
        h = h * 1.0
    del h
    assert first() is None


def test_long_chain_differentiates_twice() -> None:
    x = bs.tensor(1.0)
    h: Any = x
    for _ in range(20_000):
        h = h * x
    (first,) = gradients([h], [x], [bs.tensor(1.0, requires_grad=False)], create_graph=True)
    assert first.item() == 20_001
    first.backward()
    assert x.grad == 20_001 * 20_000


class Counting:
    """Counts the upstream gradients that a hook of each value sees."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, gradient: Any) -> None:
        self.count += 1


@pytest.mark.parametrize("depth", [10, 200])
def test_each_operation_is_walked_once_however_many_paths_lead_to_it(depth: int) -> None:
    x = bs.tensor(1.0)
    seen = Counting()
    h: Any = x
    for _ in range(depth):  # 2 ** depth paths
        h = h * 0.5 + h * 0.5
        h.register_hook(seen)
    h.backward()
    assert seen.count == depth
    assert x.grad == 1.0


def test_memory_of_a_pass_grows_linearly() -> None:
    def peak(length: int) -> int:
        x = bs.tensor(np.ones(100))
        tracemalloc.start()
        h: Any = x
        for _ in range(length):
            h = np.tanh(h)
        h.sum().backward()
        _, found = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return found

    peak(50)
    short, long = peak(500), peak(2_000)
    assert long < 4.5 * short


def growth(work: Any, times: int) -> int:
    """Bytes by which memory grows, once Python's own free lists (2,000 tuples a size) are full."""
    tracemalloc.start()
    for _ in range(2_500):
        work()
    before, _ = tracemalloc.get_traced_memory()
    for _ in range(times):
        work()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return after - before


def test_forwards_without_backward_leave_memory_flat(no_collector: None) -> None:
    x, w, v = parts()
    assert growth(lambda: network(x, w, v), 2_000) < 20_000


@pytest.mark.prove
def test_100_000_forwards_without_backward_leave_memory_flat() -> None:
    w = bs.tensor(np.ones((8, 8)))
    assert growth(lambda: np.tanh(w @ w).sum(), 100_000) < 20_000


def test_training_steps_leave_memory_flat() -> None:
    x, w, v = parts()
    optimizer = bs.nn.optim.Adam([w, v], lr=1e-3)

    def step() -> None:
        optimizer.zero_grad()
        network(x, w, v).backward()
        optimizer.step()

    assert growth(step, 500) < 20_000


def test_buffers_are_freed_as_the_walk_passes(no_collector: None) -> None:
    h: Any = bs.tensor(np.ones(3))
    alive: list[int] = []
    references: list[Any] = []

    def look(gradient: Any) -> None:
        alive.append(sum(each() is not None for each in references))

    for _ in range(10):
        h = np.tanh(h)
        references.append(weakref.ref(h))
        h.register_hook(look)
    loss = h.sum()
    del h
    loss.backward()
    assert alive == list(range(10, 0, -1))  # all that lie behind the walk are gone
    assert not any(each() is not None for each in references)


def test_retained_graph_lives_as_long_as_its_loss(no_collector: None) -> None:
    h = bs.tensor(np.ones(3)) * 2
    reference = weakref.ref(h)
    loss = h.sum()
    del h
    loss.backward(retain_graph=True)
    assert reference() is not None
    del loss
    assert reference() is None


def test_saved_values_are_freed_with_the_graph(no_collector: None) -> None:
    x, w, _ = parts()
    h = bs.softmax(x @ w)
    loss = (h @ np.ones((8, 1))).sum()
    value = weakref.ref(h._value)
    del h
    loss.backward()
    assert value() is None  # though the loss is still here


def leftovers(work: Any) -> list[Any]:
    """What only the cycle collector can free after some work."""
    work()
    gc.collect()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        for _ in range(5):
            work()
        gc.collect()
        return [type(each).__name__ for each in gc.garbage]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()


def second_order() -> Any:
    x, w, v = parts()
    return bs.hvp(lambda w: network(x, w, v.value), w.value, np.ones(w.shape))


def hooked() -> None:
    w = bs.tensor([1.0, 2.0])
    h = w * 2
    h.register_hook(lambda gradient: gradient * 2)
    h.sum().backward()


WORK = {
    "forward": lambda: network(*parts()),
    "backward": lambda: network(*parts()).backward(),
    "several outputs": lambda: np.split(bs.tensor(np.ones(6)), 3)[1].sum().backward(),
    "no_grad": lambda: bs.no_grad()(network)(*parts()),
    "grad": lambda: bs.grad(lambda w: np.sum(w * w))(np.ones(3)),
    "second order": second_order,
    "hooks": hooked,
    "trace": lambda: bs.trace(network(*parts())),
}


@pytest.mark.parametrize("work", WORK.values(), ids=WORK)
def test_work_leaves_no_reference_cycles(work: Any, no_collector: None) -> None:
    assert leftovers(work) == []


def test_lists_of_many_lengths_and_patterns_compile_no_code_each() -> None:
    w, constant = bs.tensor([1.0, 2.0]), np.ones(2)
    np.stack([w, constant]).sum().backward()
    before = len(linecache.cache)
    for length in range(2, 30):
        np.stack([w] * length).sum().backward()
        np.stack([w, *[constant] * length, w]).sum().backward()
    assert len(linecache.cache) - before < 5
