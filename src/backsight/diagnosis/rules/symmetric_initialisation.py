"""BS207: units of a layer begin as copies of each other, and stay so."""

from __future__ import annotations

from collections.abc import Iterator

from ...traces.findings import Finding, Severity
from ...traces.recording import Recording
from ..observations import claim, named
from ..registry import rule


@rule("BS207", "symmetric-initialisation", reads=("parameter.rows_equal",))
def symmetric_initialisation(recording: Recording, *, updates: int = 2) -> Iterator[Finding]:
    """Find layers whose units are copies of each other, with gradients that keep them so.

    Units that begin equal, get the same inputs and send to equal weights get equal gradients: they
    stay one unit for ever. If all weights are zero there is no gradient at all.

    Fires where in two observed steps the rows of a weight (its units) are equal and so are the rows
    of its gradient, or they are zero. A single zero layer, such as a zero head or the last layer of
    a residual branch, gets different gradients for its units and is left in peace.

    Fires on::

        x, y = rng.normal(size=(64, 4)), rng.normal(size=(64, 1))
        w, v = bs.tensor(np.full((4, 8), 0.1)), bs.tensor(np.full((8, 1), 0.1))
        for step in range(10):
            loss = np.mean((np.tanh(x @ w) @ v - y) ** 2)
            w.grad = v.grad = None
            loss.backward()
            w.value -= 0.1 * w.grad
            v.value -= 0.1 * v.grad

    Silent on::

        x, y = rng.normal(size=(64, 4)), rng.normal(size=(64, 1))
        w, v = bs.tensor(rng.normal(size=(4, 8)) * 0.5), bs.tensor(np.zeros((8, 1)))
        for step in range(10):
            loss = np.mean((np.tanh(x @ w) @ v - y) ** 2)
            w.grad = v.grad = None
            loss.backward()
            w.value -= 0.1 * w.grad
            v.value -= 0.1 * v.grad

    What helps: random weights (He, Xavier); only biases begin at zero.

    Source: D. Rumelhart, G. Hinton, R. Williams, Learning internal representations by error
    propagation (1986), on breaking symmetry.
    """
    for site in recording.of_kind("parameter"):
        shape = tuple(site.attributes.get("shape", ()))
        if not site.attributes.get("weight") or min(shape, default=0) < 2:
            continue
        probes = [p for p in recording.probes(site) if "gradient_rows_equal" in p.figures]
        copies = [
            p.step
            for p in probes
            if p.figures.get("rows_equal") == 1 and p["gradient_rows_equal"] == 1
        ]
        if len(copies) < updates or 2 * len(copies) < len(probes):
            continue
        zero = all(p.figures.get("gradient_rms", 0.0) == 0 for p in probes)
        effect = (
            "they get no gradient at all, so they stay dead"
            if zero
            else "their gradients are equal, too, so they stay copies of one unit"
        )
        yield claim(
            site,
            f"All units of {named(site)} {shape} have the same weights, and {effect} "
            f"({len(copies)} of {len(probes)} observed steps).",
            Severity.CRITICAL,
            fix=f"Draw {named(site)} at random: std √(2 / inputs) for ReLU (He), 1 / √inputs for "
            "tanh and sigmoid (Xavier). Only biases begin at zero.",
            evidence={
                "equal_steps": len(copies),
                "threshold": updates,
                "first_step": copies[0],
                "last_step": copies[-1],
                "observations": len(probes),
            },
            note="every unit is the same",
        )
