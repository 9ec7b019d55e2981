"""BS205: activations are saturated before anything is learned."""

from __future__ import annotations

from collections.abc import Iterator

from ...traces.findings import Finding, Severity
from ...traces.recording import Recording
from ..observations import claim
from ..registry import rule
from ..saturation import flat_ends, judged, repair_of_saturation


@rule("BS205", "saturated-at-start", reads=("activation.saturated",))
def saturated_at_start(recording: Recording, *, warning: float = 0.30) -> Iterator[Finding]:
    """Find activations that are saturated in the very first pass: the initialisation is too large.

    What is saturated at the start has no gradient with which to leave saturation. It is measured as
    for BS204, on the first pass alone: a network that has learned nothing has no reason to be sure.

    Fires on::

        x, y = rng.normal(size=(64, 8)), rng.normal(size=(64, 1))
        w, v = bs.tensor(rng.normal(size=(8, 16)) * 5), bs.tensor(rng.normal(size=(16, 1)))
        for step in range(20):
            h = bs.sigmoid(x @ w)
            loss = np.mean((h @ v - y) ** 2)
            w.grad = v.grad = None
            loss.backward()
            w.value -= 0.01 * w.grad
            v.value -= 0.01 * v.grad

    Silent on::

        x, y = rng.normal(size=(64, 8)), rng.normal(size=(64, 1))
        w, v = bs.tensor(rng.normal(size=(8, 16)) * 0.3), bs.tensor(rng.normal(size=(16, 1)))
        for step in range(20):
            h = bs.sigmoid(x @ w)
            loss = np.mean((h @ v - y) ** 2)
            w.grad = v.grad = None
            loss.backward()
            w.value -= 0.01 * w.grad
            v.value -= 0.01 * v.grad

    What helps: weights with std 1 / √inputs (Xavier), inputs of mean 0 and std 1.

    Source: X. Glorot, Y. Bengio (2010). In 40 deep tanh nets with Xavier's start and gain
    5/3 the worst layer had 0.22.
    """
    for each in judged(recording):
        site, measured = each.site, each.shares
        if not measured or measured[0][1] < warning:
            continue
        step, share = measured[0]
        if any(other.observed and other.number < step for other in recording.steps[:1]):
            continue  # the expression came into use later; the first pass of the run knew it not
        yield claim(
            site,
            f"{share:.0%} of this {site.op} is saturated in the first observed pass (step {step}), "
            f"before anything is learned: {flat_ends(site)}, and without gradient it stays so."
            f"{each.also}",
            Severity.WARNING,
            fix=repair_of_saturation(site),
            evidence={"saturated_share": share, "threshold": warning, "first_step": step},
            note=f"{share:.0%} saturated from the start",
        )
