"""BS508: data of the wrong scale, where the run shows that it hurts."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from ...traces.findings import Finding, Severity
from ...traces.recording import Recording, Site
from ..curves import flat
from ..observations import claim, figures, power
from ..registry import find_rule, rule

HURT = ("BS204", "BS205", "BS203", "BS503", "BS506")


@rule("BS508", "unscaled-input", reads=("input.std", "loss.target_rms"))
def unscaled_input(
    recording: Recording, *, scale: float = 30.0, offset: float = 10.0, columns: float = 100.0
) -> Iterator[Finding]:
    """Find inputs and targets whose scale is far from one, where something suffers from it.

    Initialisers and learning rates are made for data of mean 0 and std 1. Raw pixels (0 … 255)
    saturate the first layer, targets in the hundreds give gradients in the hundreds, and of columns
    with very different scales only the largest are learned from.

    Looked at are the inputs of the first weight and the targets of a regression: a std above 30 or
    under 1/30, a mean of more than ten stds, columns whose stds differ by more than a hundred. It
    counts only where activations are saturated (BS204, BS205), units die (BS203), the loss begins
    far too high (BS503) or diverges (BS506), or the run learns nothing.

    Fires on::

        x = rng.normal(size=(64, 8))
        y = x @ rng.normal(size=(8, 1)) * 300
        w, v = bs.tensor(rng.normal(size=(8, 16)) / 8**0.5), bs.tensor(rng.normal(size=(16, 1)) / 4)
        for step in range(40):
            loss = np.mean((np.maximum(x @ w, 0.1 * (x @ w)) @ v - y) ** 2)
            w.grad = v.grad = None
            loss.backward()
            w.value -= 0.01 * w.grad
            v.value -= 0.01 * v.grad

    Silent on::

        x = rng.normal(size=(64, 8))
        y = x @ rng.normal(size=(8, 1))
        w, v = bs.tensor(rng.normal(size=(8, 16)) / 8**0.5), bs.tensor(rng.normal(size=(16, 1)) / 4)
        for step in range(40):
            loss = np.mean((np.maximum(x @ w, 0.1 * (x @ w)) @ v - y) ** 2)
            w.grad = v.grad = None
            loss.backward()
            w.value -= 0.01 * w.grad
            v.value -= 0.01 * v.grad

    What helps: subtract the mean of each column and divide by its std, with the figures of the
    training data; scale targets likewise, and scale predictions back when they are shown.

    Source: Y. LeCun et al., Efficient backprop (1998), section 4.3.
    """
    found = list(badly_scaled(recording, scale, offset, columns))
    if not found:
        return
    hurt = [code for code in HURT if rule_fires(code, recording)]
    idle = flat(recording)
    stuck = idle is not None and idle.stuck
    for site, what, figure, step, targets in found:
        small = not targets and figure < 1  # nothing saturates or diverges from small inputs
        if not stuck and (small or not hurt):
            continue
        yield claim(
            site,
            f"The {'targets' if targets else 'inputs'} are far from mean 0 and std 1: {what}. "
            f"{'Gradients grow by the same factor' if targets else 'The first layer gets them raw'}"
            ", and the run suffers from it.",
            Severity.WARNING,
            fix="Standardise the "
            + (
                "targets: y = (y - y.mean()) / y.std(), and scale predictions back where they are "
                "shown."
                if targets
                else "inputs: x = (x - x.mean(0)) / x.std(0), with the figures "
                "of the training data."
            ),
            evidence={
                "figure": figure,
                "threshold": scale,
                "first_step": step,
                "seen_in": ", ".join(hurt) or "BS504",
            },
            note=what,
        )


def rule_fires(code: str, recording: Recording) -> bool:
    """Tell whether another rule finds anything."""
    other = find_rule(code)
    return other is not None and other.applies_to(recording) and bool(other(recording))


def badly_scaled(
    recording: Recording, scale: float, offset: float, columns: float
) -> Iterator[tuple[Site, str, float, int, bool]]:
    """Go through inputs and targets of a scale far from one: what is wrong, figure, first step."""
    for site in recording.of_kind("input"):
        probes = recording.probes(site)
        spread = figures(probes, "std")
        if not spread:
            continue
        step, std = spread[0][0], statistics.median(value for _, value in spread)
        means = figures(probes, "mean")
        mean = statistics.median(value for _, value in means) if means else 0.0
        apart = max((value for _, value in figures(probes, "column_ratio")), default=1.0)
        if std > scale or 0 < std < 1 / scale:
            yield site, f"std {power(std)}", std, step, False
        elif std > 0 and abs(mean) > offset * std:
            yield site, f"mean {power(mean)}, std {power(std)}", abs(mean) / std, step, False
        elif apart > columns:
            yield site, f"stds of columns differ {power(apart)} times", apart, step, False
    for site in recording.of_kind("loss"):
        sizes = figures(recording.probes(site), "target_rms")
        if sizes and statistics.median(value for _, value in sizes) > scale:
            size = statistics.median(value for _, value in sizes)
            yield site, f"targets of {power(size)} (RMS)", size, sizes[0][0], True
