"""BS507: updates are so small that nothing is learned in this run."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator

from ...traces.findings import Finding, Severity
from ...traces.recording import Recording, Site
from ..curves import losses
from ..observations import claim, figures, power
from ..places import optimizer_site
from ..registry import rule
from ..weights import update_ratios


@rule("BS507", "learning-rate-too-low", reads=("parameter.update_std", "learning-rate"))
def learning_rate_too_low(
    recording: Recording,
    *,
    update: float = 1e-6,
    straight: float = 1e-4,
    fallen: float = 0.05,
    faded: float = 1e-3,
    at_least: int = 50,
) -> Iterator[Finding]:
    """Find runs whose updates are too small to get anywhere.

    Fires, after 50 steps, in three cases: the updates change the weights by less than 1e-6 of their
    spread (median), though gradient arrives; the loss falls in a nearly straight line, by less than
    5 % in all, with updates under 1e-4; or a schedule has brought the learning rate under a
    thousandth of its largest for more than half of the run. Warm-up from 0, the end of a cosine
    schedule and convergence are none of these.

    Fires on::

        x = rng.normal(size=(64, 4))
        y = x @ np.ones((4, 2))
        w = bs.tensor(rng.normal(size=(4, 2)))
        for step in range(80):
            loss = np.mean((x @ w - y) ** 2)
            w.grad = None
            loss.backward()
            w.value -= 1e-7 * w.grad

    Silent on::

        x = rng.normal(size=(64, 4))
        y = x @ np.ones((4, 2))
        w = bs.tensor(rng.normal(size=(4, 2)))
        for step in range(80):
            loss = np.mean((x @ w - y) ** 2)
            w.grad = None
            loss.backward()
            w.value -= 0.1 * w.grad

    What helps: a learning rate ten times higher, as often as the loss stays stable; a schedule that
    counts in the unit (epochs, steps) in which it is stepped.

    Source: TheDeepChecker (Braiek & Khomh, 2023).
    """
    ratios = update_ratios(recording)
    middle = statistics.median(value for _, value in ratios) if ratios else math.nan
    evidence: dict[str, object] = {}
    problem, fix = "", "Raise the learning rate tenfold, as often as the loss stays stable."
    place = optimizer_site(recording)
    schedule = faded_schedule(recording, faded, at_least)
    if schedule is not None:
        since, low, high = schedule
        place = schedule_site(recording) or place
        problem = f"The learning rate fell from {power(high)} to {power(low)} and has been there "
        problem += f"since step {since}, for more than half of the run: it learns no more."
        fix = "Stretch the schedule over the run: step it once per epoch if it counts epochs, or "
        fix += "give it the number of steps."
        evidence = {"learning_rate": low, "largest": high, "threshold": faded, "first_step": since}
    elif ratios and ratios[-1][0] - ratios[0][0] >= at_least - 10 and gradient_arrives(recording):
        line = fall(recording)
        if middle < update and (line is None or line[0] < 0.5):  # else it has arrived
            problem = (
                f"An update changes the weights by {power(middle)} of their spread (median of "
            )
            problem += f"{len(ratios)} observed steps; about 0.001 is usual): they stand still."
        elif middle < straight and line is not None and 0 < line[0] < fallen and line[1] > 0.9:
            problem = (
                f"The loss falls in a straight line, by {line[0]:.2%} in {line[2]} steps, with "
            )
            problem += f"updates of {power(middle)} of the weights' spread: at this pace it takes "
            problem += "for ever."
            evidence["fallen"] = line[0]
        evidence |= {
            "update_ratio": middle,
            "threshold": update if middle < update else straight,
            "first_step": ratios[0][0],
            "last_step": ratios[-1][0],
            "observations": len(ratios),
        }
    if problem:
        yield claim(
            place,
            problem,
            Severity.WARNING,
            fix=fix,
            evidence=evidence,
            note="learning rate too low",
        )


def schedule_site(recording: Recording) -> Site | None:
    """Return the place where the schedule was made, None if the script has none."""
    event = recording.event("schedule")
    if event is None or event.where is None or not isinstance(event.detail, dict):
        return None
    op, source = str(event.detail.get("op", "")), str(event.detail.get("source", ""))
    return Site(op, "schedule", event.where, source=source)


def gradient_arrives(recording: Recording) -> bool:
    """Tell whether any parameter has a gradient: without one there is nothing to update by."""
    return any(
        rms > 0
        for site in recording.of_kind("parameter")
        for _, rms in figures(recording.probes(site), "gradient_rms")
    )


def faded_schedule(
    recording: Recording, faded: float, at_least: int
) -> tuple[int, float, float] | None:
    """Return (since when, rate, largest rate) of a rate that was nearly 0 for most of the run."""
    rates = [(s.number, s.learning_rate) for s in recording.steps if s.learning_rate is not None]
    if len(rates) < at_least:
        return None
    high = sorted(rate for _, rate in rates)[-5]  # not the largest: a single step is no schedule
    if high <= 0:
        return None
    tail = 0
    for _, rate in reversed(rates):
        if rate > faded * high:
            break
        tail += 1
    if 2 * tail <= len(rates):
        return None
    return rates[-tail][0], rates[-1][1], high


def fall(recording: Recording) -> tuple[float, float, int] | None:
    """Return by which share the loss fell in all, how straight (R²), and over how many steps."""
    curve = [pair for pair in losses(recording) if math.isfinite(pair[1])]
    if len(curve) < 20 or curve[0][1] == 0:
        return None
    steps, values = zip(*curve, strict=True)
    try:
        straightness = statistics.correlation(steps, values) ** 2
    except statistics.StatisticsError:  # constant
        return None
    return (values[0] - values[-1]) / abs(values[0]), straightness, steps[-1] - steps[0]
