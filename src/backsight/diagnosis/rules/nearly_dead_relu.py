"""BS202: units that are active for next to no input."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...traces.findings import Finding, Severity
from ...traces.recording import Recording
from ..deadness import inactive, latest, rectifiers, seen_in, share
from ..observations import claim
from ..registry import rule


@rule("BS202", "nearly-dead-relu", reads=("activation.flat",))
def nearly_dead_relu(
    recording: Recording, *, warning: float = 0.50, active: float = 0.01, samples: int = 1000
) -> Iterator[Finding]:
    """Find layers in which most units are active on fewer than one sample in a hundred.

    Such units get gradient so rarely that they hardly learn, and one larger update ends them.

    Measured is, over 1000 sampled inputs and then again, the share of units that are active on less
    than 1 % of them. It includes the dead ones (BS201).

    Fires on::

        x, y = rng.normal(size=(128, 8)), rng.normal(size=(128, 1))
        w, v = bs.tensor(rng.normal(size=(8, 20)) / 8**0.5), bs.tensor(rng.normal(size=(20, 1)))
        x[0] *= 100
        b = bs.tensor(np.where(np.arange(20) < 16, -6.0, 0.0))
        for step in range(40):
            h = bs.relu(x * np.where(step % 2, 1, -1) @ w + b)
            loss = np.mean(bs.huber(h @ v - y))
            for p in (w, v, b):
                p.grad = None
            loss.backward()
            for p in (w, v, b):
                p.value -= 1e-6 * p.grad

    Silent on::

        x, y = rng.normal(size=(128, 8)), rng.normal(size=(128, 1))
        w, v = bs.tensor(rng.normal(size=(8, 20)) / 8**0.5), bs.tensor(rng.normal(size=(20, 1)))
        b = bs.tensor(np.zeros(20))
        for step in range(40):
            h = bs.relu(x @ w + b)
            loss = np.mean(bs.huber(h @ v - y))
            for p in (w, v, b):
                p.grad = None
            loss.backward()
            for p in (w, v, b):
                p.value -= 0.001 * p.grad

    What helps: what helps against dead units: a lower learning rate, He's initialisation, biases of
    zero, data of mean 0 and std 1.

    Source: Amazon SageMaker Debugger, rule "dead relu", which counts inactive units over samples.
    """
    for site in rectifiers(recording):
        both = latest(recording, site, samples=samples)
        if both is None or min(each.samples for each in both) < samples:
            continue
        idle = inactive(both[0], active) & inactive(both[1], active)
        part = share(idle)
        dead = share(inactive(both[0]) & inactive(both[1]))
        if part < warning or part - dead < 0.1:  # all of them dead: BS201 says that
            continue
        yield claim(
            site,
            f"{int(np.count_nonzero(idle))} of {idle.size} units ({part:.0%}) are active on less "
            f"than {active:.0%} of {seen_in(both)}: they hardly learn.",
            Severity.WARNING,
            fix="Lower the learning rate or warm it up, begin biases at 0 and weights with std "
            "√(2 / inputs) (He), scale the data to mean 0 and std 1; or use leaky ReLU.",
            evidence={
                "idle_share": part,
                "threshold": warning,
                "dead_share": dead,
                "units": int(idle.size),
                "first_step": both[0].first,
                "last_step": both[1].last,
                "samples": both[0].samples + both[1].samples,
            },
            note=f"{part:.0%} of the units are hardly ever active",
        )
