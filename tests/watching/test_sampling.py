"""The controller keeps its budget, sees short runs densely, and follows no rhythm."""

from __future__ import annotations

from itertools import pairwise

import pytest

from backsight.watching.sampling import Sampling


class Clock:
    """Time that passes only when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def run(
    count: int, pace: float, cost: float, **options: object
) -> tuple[Sampling, list[int], list[float]]:
    """Train for some steps of `pace` seconds; an observed one costs `cost` more."""
    clock = Clock()
    sampling = Sampling(clock=clock, **options)  # type: ignore[arg-type]
    seen, spent = [], []
    for step in range(1, count + 1):
        clock.now += pace
        if sampling.due(step):
            clock.now += cost
            sampling.spent(cost)
            sampling.observed()
            seen.append(step)
        spent.append(sampling.cost / (clock.now - 1000.0))
    return sampling, seen, spent


@pytest.mark.parametrize(
    ("steps", "pace", "cost"),
    [(100_000, 0.001, 0.001), (20_000, 0.02, 0.005), (2_000, 0.5, 0.1), (300_000, 0.001, 0.02)],
)
def test_a_long_run_costs_five_per_cent(steps: int, pace: float, cost: float) -> None:
    sampling, seen, _ = run(steps, pace, cost)
    elapsed = steps * pace + sampling.cost
    assert sampling.cost <= max(0.05 * elapsed, 3.0) + cost + 20 * cost
    assert sampling.cost >= 0.6 * 0.05 * elapsed
    assert seen[:20] == list(range(1, 21))
    assert seen[-1] > 0.95 * steps


def test_a_short_run_is_seen_densely() -> None:
    sampling, seen, _ = run(200, 0.001, 0.001)
    assert len(seen) >= 100
    assert sampling.cost < 3.0


def test_it_is_never_blind_for_long() -> None:
    _, seen, _ = run(100_000, 0.001, 0.003)
    gaps = [after - before for before, after in pairwise(seen)]
    assert max(gaps) < 3000  # 3 s of 100


def test_gaps_follow_no_rhythm() -> None:
    _, seen, _ = run(200_000, 0.001, 0.005)
    late = [step for step in seen if step > 1000]
    assert len(late) > 500
    for period in (2, 3, 4, 5):
        share = sum(step % period == 0 for step in late) / len(late)
        assert abs(share - 1 / period) < 0.06


def test_every_step_and_a_limit() -> None:
    _, seen, _ = run(500, 0.001, 1.0, every_step=True)
    assert seen == list(range(1, 501))
    _, seen, _ = run(500, 0.001, 0.0, steps=30)
    assert seen == list(range(1, 31))


def test_without_a_budget_only_the_first_are_seen() -> None:
    _, seen, _ = run(5000, 0.01, 0.001, share=0.0)
    assert seen == list(range(1, 21))


def test_a_larger_budget_sees_more() -> None:
    _, some, _ = run(100_000, 0.001, 0.002)
    _, more, _ = run(100_000, 0.001, 0.002, share=0.2)
    assert len(more) > 2 * len(some)


def test_a_jump_is_looked_at_even_where_the_budget_is_spent() -> None:
    sampling = Sampling(first=0, share=0.0)
    sampling.spent(1.0)
    losses = {50: 100.0, 120: float("nan"), 130: 5.0}
    seen = []
    for step in range(1, 201):
        sampling.saw("loss", losses.get(step, 1.0 + 0.1 * (step % 7)))
        if sampling.due(step):
            seen.append(step)
    assert seen == [50, 51, 52, 120, 121, 122]


def test_what_jumps_all_the_time_is_no_event() -> None:
    sampling = Sampling(first=0, share=0.0)
    sampling.spent(1.0)
    seen = 0
    for step in range(1, 10_001):
        sampling.saw("loss", 1e6 if step % 100 == 0 else 1e-6)
        seen += sampling.due(step)
    assert seen <= 60
