"""BS505: the gradient is clipped to a fraction in nearly every step."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from ...traces.findings import Finding, Severity
from ...traces.recording import Recording
from ..observations import claim, figures, power
from ..registry import rule

UNSCALED = ("SGD",)
ALIKE = 1e-3


@rule("BS505", "clipping-always-on", reads=("optimizer.coefficient",))
def clipping_always_on(
    recording: Recording,
    *,
    coefficient: float = 0.1,
    share: float = 0.9,
    window: int = 50,
    at_least: int = 20,
) -> Iterator[Finding]:
    """Find gradient clipping that is no safety net but always at work.

    Clipping is meant for rare spikes. If nearly every gradient is cut to a tenth or less, the
    learning rate that takes effect is a tenth of the one that is set, and every step has the same
    length, however near the goal.

    Fires if the norm after clipping is under 0.1 of that before in 90 % of the last 50 observed
    updates, of which there must be 20 over 50 steps. A warning for plain gradient descent; for Adam
    and its kin, where a constant factor cancels, an info. A factor that is the same in every update
    is none of that: gradients that are divided by the number of passes, or by the loss's scale.

    Fires on::

        x, y = rng.normal(size=(64, 4)), rng.normal(size=(64, 1)) * 5
        w = bs.tensor(rng.normal(size=(4, 1)))
        optimizer = bs.nn.optim.SGD([w], lr=0.1)
        for step in range(80):
            loss = np.mean((x @ w - y) ** 2)
            optimizer.zero_grad()
            loss.backward()
            w.grad = w.grad * min(1.0, 1e-2 / np.linalg.norm(w.grad))
            optimizer.step()

    Silent on::

        x, y = rng.normal(size=(64, 4)), rng.normal(size=(64, 1)) * 5
        w = bs.tensor(rng.normal(size=(4, 1)))
        optimizer = bs.nn.optim.SGD([w], lr=0.1)
        for step in range(80):
            loss = np.mean((x @ w - y) ** 2)
            optimizer.zero_grad()
            loss.backward()
            w.grad = w.grad * min(1.0, 5.0 / np.linalg.norm(w.grad))
            optimizer.step()

    What helps: a bound of a few times the usual norm; the learning rate that was meant.

    Source: R. Pascanu, T. Mikolov, Y. Bengio (2013), who take the bound from the average norm.
    """
    for site in recording.of_kind("optimizer"):
        seen = figures(recording.probes(site), "coefficient")[-window:]
        if len(seen) < at_least or seen[-1][0] - seen[0][0] < window - 1:
            continue
        clipped = sum(value < coefficient for _, value in seen) / len(seen)
        norms = [value for _, value in figures(recording.probes(site), "gradient_norm")[-window:]]
        scaled = is_constant([value for _, value in seen]) and len(norms) == len(seen)
        scaled = scaled and not is_constant(norms)
        if clipped < share or scaled:
            continue
        middle = statistics.median(value for _, value in seen)
        bound = f" (it is about {power(statistics.median(norms))})" if norms else ""
        yield claim(
            site,
            f"In {clipped:.0%} of the last {len(seen)} observed updates the gradient was clipped "
            f"to less than {coefficient:g} of its norm (median {power(middle)}): the learning rate "
            f"in effect is {power(middle)} of the one that is set, and all steps are equally long.",
            Severity.WARNING if site.op in UNSCALED else Severity.INFO,
            fix=f"Raise the bound of the clipping{bound} to a few times the usual norm of the "
            "gradient; if training needs so small steps, lower the learning rate instead.",
            evidence={
                "coefficient": middle,
                "threshold": coefficient,
                "clipped_share": clipped,
                "first_step": seen[0][0],
                "last_step": seen[-1][0],
                "observations": len(seen),
            },
            note=f"gradient clipped to {power(middle)}",
        )


def is_constant(values: list[float]) -> bool:
    """Tell whether values are one and the same, but for rounding and a few exceptions."""
    ordered = sorted(values)
    low, high = ordered[len(ordered) // 10], ordered[-1 - len(ordered) // 10]
    return high - low <= ALIKE * high
