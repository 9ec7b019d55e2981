"""BS504: the loss has stopped falling; supports other findings."""

from __future__ import annotations

from collections.abc import Iterator

from ...traces.findings import Finding, Severity
from ...traces.recording import Recording
from ..curves import flat
from ..observations import claim, power
from ..places import loss_site
from ..registry import rule


@rule("BS504", "loss-flat", reads=("loss-curve",), supports=True)
def loss_flat(recording: Recording, *, window: int = 50, slope: float = 0.01) -> Iterator[Finding]:
    """Tell that the loss does not fall any more, which makes other findings weigh more.

    A flat loss is no fault by itself: what has converged is flat, too. So it is no verdict, but is
    listed under other findings. If the loss has not fallen by a tenth since the start, the run has
    learned nothing, and every warning becomes critical.

    Flat: over the last 50 steps the loss changes by less than 1 %, and its running mean (of ten
    steps) has no new minimum.

    Fires on::

        x, y = rng.normal(size=(64, 4)), rng.normal(size=(64, 1))
        w = bs.tensor(np.zeros((4, 1)))
        for step in range(100):
            loss = np.mean((x @ w - y) ** 2)
            w.grad = None
            loss.backward()
            w.value -= 0.0 * w.grad

    Silent on::

        x = rng.normal(size=(64, 4))
        y = x @ np.ones((4, 1))
        w = bs.tensor(np.zeros((4, 1)))
        for step in range(100):
            loss = np.mean((x @ w - y) ** 2)
            w.grad = None
            loss.backward()
            w.value -= 0.01 * w.grad

    What helps: what the finding above it says.

    Source: AutoTrainer (Zhang et al., 2021), "slow convergence".
    """
    seen = flat(recording, window=window, slope=slope)
    if seen is None:
        return
    said = (
        f"it has hardly fallen since the start ({power(seen.began)})"
        if seen.stuck
        else f"it began at {power(seen.began)}"
    )
    yield claim(
        loss_site(recording),
        f"The loss is flat at {power(seen.stands)} from step {seen.first} to {seen.last}; {said}.",
        Severity.INFO,
        fix="See the finding that this is listed under.",
        evidence={
            "loss": seen.stands,
            "began": seen.began,
            "slope": seen.slope,
            "threshold": slope,
            "stuck": seen.stuck,
            "first_step": seen.first,
            "last_step": seen.last,
        },
        note="flat",
    )
