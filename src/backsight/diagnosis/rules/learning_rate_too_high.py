"""BS506: updates are so large that the loss does not fall, or diverges."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator

from ...traces.findings import Finding, Severity
from ...traces.recording import Recording
from ..curves import worse_than_at_start
from ..observations import claim, power
from ..places import last_learning_rate, optimizer_site
from ..registry import rule
from ..weights import update_ratios


@rule("BS506", "learning-rate-too-high", reads=("parameter.update_std",))
def learning_rate_too_high(
    recording: Recording, *, update: float = 0.1, divergence: float = 10.0, at_least: int = 20
) -> Iterator[Finding]:
    """Find runs that are thrown about by their own updates.

    Beyond a certain learning rate each step jumps over the valley and lands higher on the other
    side. The loss oscillates or grows until it overflows.

    Fires if the loss of the last quarter is no better than at the start, while the largest tenth of
    the updates changes the weights by a tenth of their spread or more. Critical where the loss has
    grown tenfold or is not finite. A loss that merely rises, as in GANs and reinforcement learning,
    is not enough.

    Fires on::

        x = rng.normal(size=(64, 4))
        y = x @ np.ones((4, 2))
        w = bs.tensor(rng.normal(size=(4, 2)))
        for step in range(40):
            loss = np.mean((x @ w - y) ** 2)
            w.grad = None
            loss.backward()
            w.value -= 2.0 * w.grad

    Silent on::

        x = rng.normal(size=(64, 4))
        y = x @ np.ones((4, 2))
        w = bs.tensor(rng.normal(size=(4, 2)))
        for step in range(40):
            loss = np.mean((x @ w - y) ** 2)
            w.grad = None
            loss.backward()
            w.value -= 0.1 * w.grad

    What helps: a learning rate ten times lower, a warm-up, clipping the gradient's norm.

    Source: the usual practice; the threshold is a hundred times the usual update of 1e-3.
    """
    worse = worse_than_at_start(recording, at_least=at_least)
    ratios = [value for _, value in update_ratios(recording)]
    if worse is None or not ratios:
        return
    large = sorted(ratios)[-max(1, len(ratios) // 10)]
    if large < update:
        return
    began, stands = worse
    diverged = not math.isfinite(stands) or stands > divergence * abs(began) > 0
    rate = last_learning_rate(recording)
    stand = "not finite" if not math.isfinite(stands) else power(stands)
    yield claim(
        optimizer_site(recording),
        f"The loss {'diverges' if diverged else 'does not fall'}: it begins at {power(began)} and "
        f"is {stand} in the last quarter, while the larger updates change the weights by "
        f"{power(large)} of their spread (0.001 is usual).",
        Severity.CRITICAL if diverged else Severity.WARNING,
        fix=f"Lower the learning rate{f' (it is {power(rate)})' if rate else ''} to a tenth, or "
        "warm it up; clip the gradient's norm between backward() and the update.",
        evidence={
            "update_ratio": large,
            "threshold": update,
            "median_update_ratio": statistics.median(ratios),
            "loss_at_start": began,
            "loss_at_end": stands,
            "observations": len(ratios),
        },
        note="learning rate too high",
    )
