"""BS307: the loss applies softmax or sigmoid itself, to what has been through one already."""

from __future__ import annotations

from collections.abc import Iterator

from ...traces.findings import Finding, Severity
from ...traces.recording import Recording, Site
from ..observations import claim, figures
from ..places import LOG_LIKELIHOOD, WITH_SIGMOID, WITH_SOFTMAX
from ..registry import rule


@rule("BS307", "activation-before-loss", reads=("loss",))
def activation_before_loss(recording: Recording, *, tolerance: float = 1e-3) -> Iterator[Finding]:
    """Find losses for logits that are fed with probabilities, and the other way round.

    Softmax twice squeezes all differences: the probabilities lie between 0 and 1, so the second
    softmax can hardly tell them apart, the loss has a floor far above zero and the gradient is
    small. It learns, badly.

    Fires if the op before a cross-entropy or a binary cross-entropy on logits is a softmax or a
    sigmoid, or if a log-likelihood loss gets values above 0, which no log-probability has.
    Log-softmax before a cross-entropy is superfluous but the same function, so it is left in peace.

    Fires on::

        x, labels = rng.normal(size=(64, 4)), rng.integers(0, 3, size=64)
        w = bs.tensor(rng.normal(size=(4, 3)) * 0.5)
        for step in range(10):
            probabilities = bs.softmax(x @ w)
            loss = bs.cross_entropy(probabilities, labels=labels)
            w.grad = None
            loss.backward()
            w.value -= 0.1 * w.grad

    Silent on::

        x, labels = rng.normal(size=(64, 4)), rng.integers(0, 3, size=64)
        w = bs.tensor(rng.normal(size=(4, 3)) * 0.5)
        for step in range(10):
            loss = bs.cross_entropy(x @ w, labels=labels)
            w.grad = None
            loss.backward()
            w.value -= 0.1 * w.grad

    What helps: give the loss the logits, and use softmax or sigmoid only where probabilities are
    shown or sampled from.

    Source: a common fault (TheDeepChecker, Braiek & Khomh 2023).
    """
    for site in recording.of_kind("loss"):
        before = site.attributes.get("fed_by")
        problem = problem_of(site, recording, tolerance)
        if not problem or not recording.probes(site):
            continue
        steps = [probe.step for probe in recording.probes(site)]
        fix = f"Give `{site.op}` the logits: drop the {before}."
        if site.op in LOG_LIKELIHOOD:
            fix = "Apply log_softmax first, or use a cross-entropy on the logits."
        yield claim(
            site,
            problem,
            Severity.CRITICAL,
            fix=f"{fix} Use probabilities only where they are shown or sampled from.",
            evidence={"first_step": steps[0], "last_step": steps[-1], "observations": len(steps)},
            note=f"gets the output of {before}" if before else "gets no log-probabilities",
        )


def problem_of(site: Site, recording: Recording, tolerance: float) -> str:
    """Say what is wrong between a loss and what it is fed with, "" if nothing is."""
    before = site.attributes.get("fed_by")
    if site.op in WITH_SOFTMAX and before in ("softmax", "sigmoid"):
        return (
            f"`{site.op}` applies softmax itself, but gets the output of {before}: squashed twice, "
            "the classes can hardly be told apart and the gradient is small."
        )
    if site.op in WITH_SIGMOID and before in ("softmax", "sigmoid"):
        return (
            f"`{site.op}` applies the sigmoid itself, but gets the output of {before}: squashed "
            "twice, no output can get near 0 or 1."
        )
    highest = figures(recording.probes(site), "prediction_max")
    if site.op in LOG_LIKELIHOOD and highest and min(value for _, value in highest) > tolerance:
        return (
            f"`{site.op}` expects logarithms of probabilities, which are never above 0, but gets "
            f"values up to {max(value for _, value in highest):.3g}: it can fall without end and "
            "measures nothing."
        )
    return ""
