"""BS501: how large updates are against the weights; supports other findings."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from ...traces.findings import Finding, Severity
from ...traces.recording import Recording
from ..observations import claim, power
from ..places import optimizer_site
from ..registry import rule
from ..weights import update_ratios


@rule("BS501", "update-ratio", reads=("parameter.update_std",), supports=True)
def update_ratio(
    recording: Recording, *, low: float = 1e-4, high: float = 1e-2, at_least: int = 5
) -> Iterator[Finding]:
    """Tell that updates are unusually large or small against the weights they change.

    About a thousandth per step is usual. Far above, the weights are thrown about; far below,
    nothing moves. The figure is sensitive, but healthy runs with Adam reach 3e-2, so it is no
    verdict of its own: it is listed under findings that it helps to explain.

    Measured is the median, over the run and over the weights with two axes or more, of
    std(Δw) ÷ std(w), where Δw is the real change by the update, whatever the optimiser did.

    Fires on::

        x, y = rng.normal(size=(64, 4)), rng.normal(size=(64, 2))
        w = bs.tensor(rng.normal(size=(4, 2)))
        for step in range(20):
            loss = np.mean((x @ w - y) ** 2)
            w.grad = None
            loss.backward()
            w.value -= 1e-8 * w.grad

    Silent on::

        x, y = rng.normal(size=(64, 4)), rng.normal(size=(64, 2)) * 9
        w = bs.tensor(rng.normal(size=(4, 2)))
        for step in range(20):
            loss = np.mean((x @ w - y) ** 2)
            w.grad = None
            loss.backward()
            w.value -= 1e-3 * w.grad

    What helps: a learning rate with which updates are about 1e-3 of the weights.

    Source: A. Karpathy, CS231n, "Ratio of weights:updates".
    """
    ratios = update_ratios(recording)
    if len(ratios) < at_least:
        return
    middle = statistics.median(value for _, value in ratios)
    if low <= middle <= high:
        return
    yield claim(
        optimizer_site(recording),
        f"An update changes the weights by {power(middle)} of their spread (median of "
        f"{len(ratios)} observed steps; about 0.001 is usual).",
        Severity.INFO,
        fix=f"{'Raise' if middle < low else 'Lower'} the learning rate by a factor of about "
        f"{power(max(middle, 1e-12) / 1e-3 if middle > high else 1e-3 / max(middle, 1e-12))}.",
        evidence={
            "update_ratio": middle,
            "threshold": low if middle < low else high,
            "first_step": ratios[0][0],
            "last_step": ratios[-1][0],
            "observations": len(ratios),
        },
    )
