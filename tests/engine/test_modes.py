"""Recording on and off: nested, decorated, per thread, per task; threads that share leaves."""

from __future__ import annotations

import asyncio
import contextvars
import sys
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import backsight as bs
from backsight.errors import UsageError

w = bs.tensor([1.0, 2.0], name="w")


def recorded() -> bool:
    return bool((w * 2).requires_grad)


def test_results_inside_no_grad_are_constants() -> None:
    with bs.no_grad():
        h = np.tanh(w * 2) @ np.ones(2)
    assert not h.requires_grad
    assert (h.op, h.inputs) == (None, ())
    assert recorded()


def test_several_outputs_are_constants_too() -> None:
    with bs.no_grad():
        parts = np.split(w, 2)
    assert not any(part.requires_grad for part in parts)


def test_nesting_and_reuse_of_one_instance() -> None:
    block = bs.no_grad()
    with block:
        with block, bs.no_grad():
            assert not recorded()
        assert not recorded()
    assert recorded()
    with block:
        assert not recorded()
    assert recorded()


def test_exception_inside_restores_recording() -> None:
    with pytest.raises(KeyError), bs.no_grad(), bs.no_grad():
        raise KeyError
    assert recorded()


def test_decorated_function_computes_without_recording() -> None:
    @bs.no_grad()
    def predict(depth: int) -> bool:
        """Predict."""
        return recorded() if depth == 0 else predict(depth - 1)

    assert not predict(3)
    assert recorded()
    assert (predict.__name__, predict.__doc__) == ("predict", "Predict.")


def test_decorated_function_that_raises_restores_recording() -> None:
    @bs.no_grad()
    def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fail()
    assert recorded()


def test_functions_that_run_later_cannot_be_decorated() -> None:
    def batches() -> Iterator[bool]:
        yield recorded()

    async def fetch() -> bool:
        return recorded()

    async def stream() -> Any:
        yield recorded()

    for function in (batches, fetch, stream):
        with pytest.raises(UsageError, match=rf"would end before {function.__name__} begins"):
            bs.no_grad()(function)


def test_interleaved_generators_end_in_order() -> None:
    def work() -> Iterator[bool]:
        with bs.no_grad():
            yield recorded()
            yield recorded()

    first, second = work(), work()
    assert [next(first), next(second), next(first), next(second)] == [False] * 4
    assert list(first) == list(second) == []
    assert recorded()


def test_backward_and_derivatives_work_inside_no_grad() -> None:
    x = bs.tensor([1.0, 2.0])
    loss = (x * x).sum()
    with bs.no_grad():
        loss.backward()
        assert bs.grad(lambda y: y**3)(2.0) == 12.0
        assert bs.hvp(lambda y: y**3, 2.0, 1.0) == 12.0
        assert not recorded()
    assert x.grad.tolist() == [2.0, 4.0]


def test_backward_does_not_record_itself() -> None:
    x, seen = bs.tensor([1.0, 2.0]), []
    h = x * 2
    h.register_hook(lambda gradient: seen.append(recorded()))
    h.sum().backward()
    assert seen == [False]
    assert recorded()


def test_no_grad_inside_a_differentiated_function_holds() -> None:
    def f(x: Any) -> Any:
        with bs.no_grad():
            scale = x * 2
        return scale * x

    assert bs.grad(f)(3.0) == 6.0


def test_no_grad_of_one_thread_is_not_anothers() -> None:
    inside, looked = threading.Event(), threading.Event()
    found: dict[str, bool] = {}

    def other() -> None:
        inside.wait(5)
        found["other"] = recorded()
        looked.set()

    thread = threading.Thread(target=other)
    thread.start()
    with bs.no_grad():
        inside.set()
        looked.wait(5)
        found["mine"] = recorded()
    thread.join()
    assert found == {"other": True, "mine": False}


def test_no_grad_of_one_task_is_not_anothers() -> None:
    found: list[tuple[str, bool]] = []

    async def quiet(started: asyncio.Event, looked: asyncio.Event) -> None:
        with bs.no_grad():
            started.set()
            await looked.wait()
            found.append(("quiet", recorded()))
        found.append(("after", recorded()))

    async def loud(started: asyncio.Event, looked: asyncio.Event) -> None:
        await started.wait()
        found.append(("loud", recorded()))
        looked.set()

    async def main() -> None:
        events = asyncio.Event(), asyncio.Event()
        await asyncio.gather(quiet(*events), loud(*events))

    asyncio.run(main())
    assert found == [("loud", True), ("quiet", False), ("after", True)]
    assert recorded()


def test_context_that_is_copied_takes_no_grad_along() -> None:
    with bs.no_grad():
        context = contextvars.copy_context()
    assert not context.run(recorded)
    assert recorded()


@pytest.fixture
def eager_switching() -> Iterator[None]:
    """Let threads switch as often as the interpreter can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def run_threads(work: Any, count: int) -> None:
    errors: list[BaseException] = []

    def guarded(k: int) -> None:
        try:
            work(k)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(k,)) for k in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_threads_accumulate_into_a_shared_leaf(eager_switching: None) -> None:
    shared = bs.tensor(np.ones(30))

    def work(k: int) -> None:
        for _ in range(100):
            h = shared * float(k)
            (h * shared + h).sum().backward()

    run_threads(work, 8)
    assert shared.grad.tolist() == [3.0 * sum(range(8)) * 100] * 30


def test_threads_record_networks_of_their_own(eager_switching: None) -> None:
    found: dict[int, Any] = {}
    x = np.random.default_rng(0).standard_normal((5, 4))

    def gradient(k: int) -> Any:
        weight = bs.tensor(np.full((4, 3), 0.1 * (k + 1)))
        for _ in range(20):
            weight.grad = None
            h = bs.softmax(np.tanh(x @ weight))
            (h * h).sum().backward()
        return weight.grad

    def work(k: int) -> None:
        found[k] = gradient(k)

    run_threads(work, 6)
    for k, each in found.items():
        np.testing.assert_array_equal(each, gradient(k))


def test_threads_differentiate_functions_at_once(eager_switching: None) -> None:
    found: dict[int, Any] = {}

    def work(k: int) -> None:
        for _ in range(10):
            found[k] = bs.grad(bs.grad(lambda x: x ** (k + 2)))(2.0)

    run_threads(work, 6)
    assert {k: float(v) for k, v in found.items()} == {
        k: (k + 2) * (k + 1) * 2.0**k for k in range(6)
    }
