"""BS204: an activation is pushed so far into its flat ends that it hardly passes gradient."""

from __future__ import annotations

from collections.abc import Iterator

from ...traces.findings import Finding
from ...traces.recording import Recording
from ..curves import still_falls
from ..observations import IN_A_ROW, claim, lasting, severity_of
from ..registry import rule
from ..saturation import flat_ends, judged, repair_of_saturation


@rule("BS204", "saturated-activation", reads=("activation.saturated",))
def saturated_activation(
    recording: Recording,
    *,
    warning: float = 0.30,
    critical: float = 0.60,
    in_a_row: int = IN_A_ROW,
) -> Iterator[Finding]:
    """Find sigmoid, tanh and softmax whose inputs are so large that their derivative is next to 0.

    A saturated unit gives the same output whatever its input, and sends back next to no gradient:
    it is stuck where it is. The usual causes are weights or inputs that are too large, and a
    learning rate that has thrown the weights out.

    Measured is the share of elements whose local derivative is under 5 % of its maximum; of a
    softmax the share of rows whose largest weight exceeds 0.99. Gates (inside LSTM and GRU, or
    multiplied with another value) and outputs under a cross-entropy are meant to saturate and are
    not judged. An output under a squared or absolute error is judged while its mean square error is
    over 1.25 times that of the targets' mean: one that fits is sure with good reason. A share under
    the critical one is not told while the loss still falls: the network learns with it.

    Fires on::

        x, y = rng.normal(size=(64, 8)), rng.normal(size=(64, 1))
        w, v = bs.tensor(rng.normal(size=(8, 16)) * 0.3), bs.tensor(rng.normal(size=(16, 1)))
        for step in range(40):
            h = bs.sigmoid(min(30, step) * (x @ w))
            loss = np.mean((h @ v - y) ** 2)
            w.grad = v.grad = None
            loss.backward()
            w.value -= 0.01 * w.grad
            v.value -= 0.01 * v.grad

    Silent on::

        x, y = rng.normal(size=(64, 8)), rng.normal(size=(64, 1))
        w, v = bs.tensor(rng.normal(size=(8, 16)) * 0.3), bs.tensor(rng.normal(size=(16, 1)))
        for step in range(40):
            h = bs.sigmoid(x @ w)
            loss = np.mean((h @ v - y) ** 2)
            w.grad = v.grad = None
            loss.backward()
            w.value -= 0.01 * w.grad
            v.value -= 0.01 * v.grad

    What helps: smaller weights at the start (Xavier), inputs of mean 0 and std 1, a lower learning
    rate, a normalisation before the activation.

    Source: X. Glorot, Y. Bengio (2010); A. Karpathy, "Yes you should understand backprop" (2016)
    speaks of |tanh| > 0.97. A deep tanh net with Xavier's start has 0.10, a sigmoid at large start
    0.86.
    """
    for each in judged(recording):
        site = each.site
        seen = lasting(each.shares, lambda share: share >= warning, in_a_row)
        if seen is None or (seen.median < critical and still_falls(recording)):
            continue
        yield claim(
            site,
            f"{seen.median:.0%} of this {site.op} is saturated (median of {seen.count} observed "
            f"steps, {seen.first} to {seen.last}): {flat_ends(site)}, so hardly any gradient gets "
            f"through.{each.also}",
            severity_of(seen.median, warning, critical),
            fix=repair_of_saturation(site),
            evidence={
                "saturated_share": seen.median,
                "threshold": critical if seen.median >= critical else warning,
                "first_step": seen.first,
                "last_step": seen.last,
                "observations": seen.count,
            },
            note=f"{seen.median:.0%} saturated",
        )
