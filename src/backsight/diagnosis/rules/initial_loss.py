"""BS503: the first loss is far above that of a network that knows nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ...traces.findings import Finding
from ...traces.recording import Recording, Site
from ..observations import claim, figures, power, severity_of
from ..places import SQUARED, WITH_SOFTMAX
from ..registry import rule


@rule("BS503", "initial-loss", reads=("loss.classes", "loss.target_rms"))
def initial_loss(
    recording: Recording, *, warning: float = 2.0, critical: float = 5.0, squared: float = 10.0
) -> Iterator[Finding]:
    """Find a start that is worse than knowing nothing: the outputs are far too large.

    A network that knows nothing should say so: a cross-entropy over C classes begins at ln C, a
    squared error at the mean square of the targets. A first loss far above that means confident
    nonsense, and the first hundreds of steps only undo it.

    Measured is the loss of the first observed step divided by that of ignorance. For a squared
    error both thresholds are `squared` times as high, since a linear output with dropout before it
    has up to 14; and the outputs must be large enough to explain it, so that a loss that is a sum
    is no finding.

    Fires on::

        x, labels = rng.normal(size=(256, 8)), rng.integers(0, 10, size=256)
        w = bs.tensor(rng.normal(size=(8, 10)) * 10)
        for step in range(10):
            loss = bs.cross_entropy(x @ w, labels=labels)
            w.grad = None
            loss.backward()
            w.value -= 0.1 * w.grad

    Silent on::

        x, labels = rng.normal(size=(256, 8)), rng.integers(0, 10, size=256)
        w = bs.tensor(rng.normal(size=(8, 10)) / 8**0.5)
        for step in range(10):
            loss = bs.cross_entropy(x @ w, labels=labels)
            w.grad = None
            loss.backward()
            w.value -= 0.1 * w.grad

    What helps: a smaller (or zero) start of the last layer, the bias of the output at the mean of
    the targets, targets scaled to std 1.

    Source: A. Karpathy, A recipe for training neural networks (2019). A He-initialised MLP has
    1.32, a large start 17.
    """
    sites = list(recording.of_kind("loss"))
    if len(sites) != 1 or sites[0].attributes.get("reduction", "mean") != "mean":
        return
    site = sites[0]
    if not site.attributes.get("whole", True):
        return  # the loss of the run is more than this, or a part of it
    known = ignorance(site, recording)
    if known is None or not math.isfinite(known[1]) or known[1] <= 0:
        return
    step, expected, what = known
    loss = next((s.loss for s in recording.steps if s.number == step), None)
    if loss is None or not math.isfinite(loss):
        return
    ratio = loss / expected
    if site.op in SQUARED:
        warning, critical = squared * warning, squared * critical
        ratio = min(ratio, explained_by_outputs(site, recording, expected))
    if ratio <= warning:
        return
    yield claim(
        site,
        f"The loss begins at {power(loss)}, {power(ratio)} times what a network that knows nothing "
        f"has ({what} = {power(expected)}): its first outputs are confident nonsense.",
        severity_of(ratio, warning, critical),
        fix="Begin the last layer with smaller weights (or zeros) and its bias at the mean of the "
        "targets; scale inputs, and targets of a regression, to mean 0 and std 1.",
        evidence={
            "loss_ratio": ratio,
            "threshold": critical if ratio >= critical else warning,
            "loss": loss,
            "expected": expected,
            "first_step": step,
        },
        note=f"begins at {power(loss)}",
    )


def ignorance(site: Site, recording: Recording) -> tuple[int, float, str] | None:
    """Return (first step, loss of knowing nothing, its formula), None where that is unknown."""
    probes = recording.probes(site)
    if not probes or (recording.steps and probes[0].step != recording.steps[0].number):
        return None
    if site.op in WITH_SOFTMAX:
        classes = figures(probes[:1], "classes")
        if classes and classes[0][1] > 1:
            return probes[0].step, math.log(classes[0][1]), f"ln {classes[0][1]:g}"
    if site.op in SQUARED:
        rms = figures(probes[:1], "target_rms")
        if rms:
            return probes[0].step, rms[0][1] ** 2, "the mean square of the targets"
    return None


def explained_by_outputs(site: Site, recording: Recording, expected: float) -> float:
    """Return about how large the first ratio can be, judged by the outputs alone.

    Outputs that spread like a normal distribution reach three times their RMS.
    """
    first = recording.probes(site)[0].figures
    if "prediction_max" not in first:
        return 0.0
    largest = max(abs(first["prediction_max"]), abs(first["prediction_min"]))
    return (largest / 3) ** 2 / expected + 1
