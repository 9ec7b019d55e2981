"""The controller keeps its budget, sees short runs densely, and follows no rhythm."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from backsight.watching.sampling import PASSING, Sampling


class Clock:
    """Time that passes only when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


Seconds = float | Callable[[int], float]


@dataclass
class Run:
    """What became of a simulated run."""

    sampling: Sampling
    seen: list[int] = field(default_factory=list)
    recorded: int = 0
    elapsed: float = 0.0
    overrun: float = 0.0  # of max(5 %, 3 s), at its worst; not counting one observed step

    @property
    def overhead(self) -> float:
        return self.sampling.cost / self.elapsed


def trained(
    count: int, pace: Seconds, cost: Seconds, *, idle: float = 0.0, **options: object
) -> Run:
    """Train for some steps of `pace` seconds; an observed one costs `cost` more, any `idle`."""
    clock = Clock()
    run = Run(Sampling(clock=clock, **options))  # type: ignore[arg-type]
    sampling, last = run.sampling, 0.0
    for step in range(1, count + 1):
        clock.now += pace(step) if callable(pace) else pace
        if sampling.passes(1.0):
            clock.now += PASSING
            continue
        run.recorded += 1
        if sampling.due(step):
            last = cost(step) if callable(cost) else cost
            clock.now += last
            sampling.spent(last)
            run.seen.append(step)
        clock.now += idle
        sampling.spent(idle)
        run.elapsed = clock.now - 1000.0
        over = sampling.cost - max(sampling.share * run.elapsed, 3.0) - last
        run.overrun = max(run.overrun, over)
    return run


def run(
    count: int, pace: float, cost: float, **options: object
) -> tuple[Sampling, list[int], float]:
    done = trained(count, pace, cost, **options)  # type: ignore[arg-type]
    return done.sampling, done.seen, done.elapsed


@pytest.mark.parametrize(
    ("steps", "pace", "cost"),
    [(100_000, 0.001, 0.001), (20_000, 0.02, 0.005), (2_000, 0.5, 0.1), (300_000, 0.001, 0.02)],
)
def test_a_long_run_costs_five_per_cent(steps: int, pace: float, cost: float) -> None:
    sampling, seen, _ = run(steps, pace, cost)
    elapsed = steps * pace + sampling.cost
    assert sampling.cost <= max(0.05 * elapsed, 3.0) + 1.1 * cost
    assert sampling.cost >= 0.6 * 0.05 * elapsed
    assert seen[:20] == list(range(1, 21))
    assert seen[-1] > 0.95 * steps


def test_what_is_done_once_is_counted_but_is_no_measure_of_a_step() -> None:
    clock = Clock()
    sampling = Sampling(clock=clock)
    for step in range(1, 4):
        clock.now += 0.01
        assert sampling.due(step)
        if step == 1:
            sampling.apart(1.5)  # said before it is counted, and within the step
            clock.now += 1.5
            sampling.spent(1.5)
        clock.now += 0.002
        sampling.spent(0.002)
    assert sampling.cost == pytest.approx(1.506, abs=1e-4)
    assert sampling._step_cost <= 0.0021


@pytest.mark.parametrize(("cost", "seen"), [(0.25, 10), (0.7, 5), (4.0, 1)])
def test_the_first_ten_are_observed_until_the_seconds_are_used_up(cost: float, seen: int) -> None:
    done = trained(20, 0.01, cost)
    assert done.seen[:seen] == list(range(1, seen + 1))
    assert done.overrun <= 0.0


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


@pytest.mark.parametrize(
    ("count", "pace", "cost", "idle"),
    [
        (400_000, 0.0003, 0.004, 15e-6),  # tiny steps: what is not observed costs 5 % as well
        (400_000, 0.0003, 0.004, 100e-6),
        (1000, 5.0, 0.5, 20e-6),  # slow ones
        (200, 5.0, 5.0, 20e-6),  # observing doubles the time
        (2000, 0.1, 5.0, 20e-6),  # a huge model: one observation is beyond the budget
        (20_000, 0.01, lambda step: 0.01 if step < 5000 else 2.0, 20e-6),  # costs explode
        (20_000, 0.01, lambda step: 2.0 if step % 7 == 0 else 0.001, 20e-6),  # and vary
        (20_000, lambda step: 3600.0 if step == 10_000 else 0.01, 0.02, 20e-6),  # a long idle
        (200_000, lambda step: 0.0002 if step % 10_000 < 9000 else 0.02, 0.003, 15e-6),  # bursts
    ],
)
def test_the_budget_is_kept_at_every_moment(
    count: int, pace: Seconds, cost: Seconds, idle: float
) -> None:
    done = trained(count, pace, cost, idle=idle)
    assert done.overrun <= 0.15
    assert done.seen[0] == 1


def test_steps_too_short_even_to_be_recorded_are_let_pass() -> None:
    done = trained(1_000_000, 50e-6, 0.002, idle=15e-6)
    assert done.overrun <= 1.0  # counting alone takes 3 % of such steps
    assert 0.02 < done.recorded / 1_000_000 < 0.5
    assert len(done.seen) > 100
    assert done.recorded > 20_000


def test_slow_steps_are_all_recorded() -> None:
    for pace, cost in ((5.0, 5.0), (0.1, 5.0), (0.01, 0.1)):
        done = trained(2000, pace, cost, idle=20e-6)
        assert done.recorded == 2000


def test_what_was_not_used_is_not_spent_in_one_burst() -> None:
    def pace(step: int) -> float:
        return 3600.0 if step == 10_000 else 0.01

    done = trained(20_000, pace, 0.02)
    after = [step for step in done.seen if 10_000 <= step < 11_000]
    assert len(after) < 300  # 3 s at once are 150 of them, the hour's 5 % would be all


def test_a_jump_ends_a_rest() -> None:
    sampling = Sampling(first=0, share=0.0)
    for step in range(1, 200):
        if not sampling.passes(1.0):
            sampling.saw("loss", 1.0)
            sampling.due(step)
            sampling.spent(1.0)
    rests = 0
    for step in range(200, 20_000):
        if sampling.passes(1.0):
            rests += 1
            assert not sampling.resting or not sampling.passes(50.0)
            assert not sampling.resting
            sampling.saw("loss", 50.0)
            break
        sampling.spent(1e-3)
        sampling.due(step)
    assert rests == 1


def test_losses_that_are_nan_for_ever_do_not_keep_us_awake() -> None:
    clock = Clock()
    sampling = Sampling(clock=clock)
    recorded = 0
    for step in range(1, 300_001):
        clock.now += 0.0003
        loss = 1.0 if step < 100 else float("nan")
        if sampling.passes(loss):
            continue
        recorded += 1
        sampling.saw("loss", loss)
        sampling.due(step)
        clock.now += 60e-6
        sampling.spent(60e-6)
    assert sampling.cost <= max(0.05 * (clock.now - 1000.0), 3.0) + 0.3
    assert recorded < 200_000
