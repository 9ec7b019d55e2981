"""BS502: gradients of earlier steps are never cleared and add up."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from ...traces.findings import Finding, Severity
from ...traces.recording import Recording, Site
from ...traces.trace import Location
from ..observations import claim, figures, lasting, named
from ..registry import rule

CLEAR = {
    "optimizer": "Call `zero_grad()` of this optimiser before each backward pass (or set the "
    "gradients to None).",
    "parameter": "Set the gradients of all parameters to None after the update: "
    "`for p in parameters: p.grad = None`.",
}


@rule("BS502", "gradient-not-zeroed", reads=("optimizer.kept", "parameter.kept"))
def gradient_not_zeroed(recording: Recording, *, updates: int = 3) -> Iterator[Finding]:
    """Find a missing `zero_grad`: every update uses the sum of all gradients so far.

    `backward()` adds to what is there. Without clearing, the gradients of long gone weights go on
    acting, like a momentum that never fades: training oscillates or diverges.

    Fires if in three updates in a row the gradients had never been cleared since the update before,
    by the same optimiser, or by hand (`p -= lr * p.grad`). Accumulating over several backward
    passes before one update is none of that, nor are the buffers of another optimiser.

    Fires on::

        x, y = rng.normal(size=(64, 4)), rng.normal(size=(64, 2))
        w = bs.tensor(rng.normal(size=(4, 2)))
        optimizer = bs.nn.optim.SGD([w], lr=1e-3)
        for step in range(20):
            loss = np.mean((x @ w - y) ** 2)
            loss.backward()
            optimizer.step()

    Silent on::

        x, y = rng.normal(size=(64, 4)), rng.normal(size=(64, 2))
        w = bs.tensor(rng.normal(size=(4, 2)))
        optimizer = bs.nn.optim.SGD([w], lr=1e-3)
        for step in range(20):
            loss = np.mean((x @ w - y) ** 2)
            loss.backward()
            if step % 2:
                optimizer.step()
                optimizer.zero_grad()

    What helps: `optimizer.zero_grad()` before each backward pass, or after each update.

    Source: the fault that newcomers to PyTorch report most often.
    """
    by_hand = [s for s in recording.of_kind("parameter") if not s.attributes.get("optimizer")]
    by_hand.sort(key=lambda site: site.where.line if site.where is not None else 0)
    told = False
    for site in (*recording.of_kind("optimizer"), *by_hand):
        kept = figures(recording.probes(site), "kept")
        seen = lasting(kept, lambda value: value == 1, updates)
        if seen is None or (told and site.kind == "parameter"):
            continue
        told = told or site.kind == "parameter"  # of updates by hand once is enough
        held = site.op if site.kind == "optimizer" else named(site)
        yield claim(
            called(site),
            f"The gradients of {held} were not cleared between updates ({seen.count} of "
            f"{len(kept)} observed updates, steps {seen.first} to {seen.last}): each backward pass "
            "adds to all before it.",
            Severity.WARNING,
            fix=CLEAR[site.kind],
            evidence={
                "updates_without_clearing": seen.count,
                "threshold": updates,
                "first_step": seen.first,
                "last_step": seen.last,
                "observations": len(kept),
            },
            note="its gradients are never cleared",
        )


def called(site: Site) -> Site:
    """Return an optimiser with the place of the backward pass before its updates, if known."""
    place = site.attributes.get("backward")
    if not isinstance(place, dict):
        return site
    source = str(site.attributes.get("backward_source", ""))
    return dataclasses.replace(site, where=Location(**place), source=source)
