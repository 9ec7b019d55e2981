"""BS201: units that are zero for every input that was seen."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...traces.findings import Finding
from ...traces.recording import Recording
from ..curves import flat
from ..deadness import dead_units, latest, once, seen_in, share
from ..observations import claim, severity_of
from ..registry import rule


@rule("BS201", "dead-relu", reads=("activation.flat",))
def dead_relu(
    recording: Recording,
    *,
    warning: float = 0.40,
    critical: float = 0.60,
    chance: float = 0.50,
    units: int = 5,
    samples: int = 512,
    steps: int = 20,
) -> Iterator[Finding]:
    """Find layers in which many units are zero whatever comes in: they learn no more.

    Where the input of a ReLU is negative its derivative is zero. A unit for which that is so with
    every sample gets no gradient, so nothing can bring it back. Common causes are a learning rate
    that is too high, a large negative bias, and data far from zero.

    A unit counts that was not active on any of 512 sampled inputs (a unit of a convolution: at any
    position), or of 20 observed steps that span half the run, and then again. Zeros alone mean
    nothing: half of all elements are zero in a healthy net. In a small layer a few units may be
    dead by chance, so a warning needs 5. Sampling sees some batches only, so the claim is about the
    sampled inputs. Where a network is called in several places, a unit must be off in all of them.

    A fifth of a layer is no leak yet: healthy nets of few inputs have as much from the start (22 %
    in a DQN of four inputs, 20 % in a critic of two), and learn with the rest. The source speaks of
    40 %, and of training that suffers. In nets of few inputs up to half of a layer is off without
    harm: the inputs of such a unit hardly vary in direction, so that its sign is all but fixed by
    its weights, and negative as often as positive. (47 % in a quantile regression of one input,
    half of them from the start, half drifted off in the first steps, while the loss falls to a
    fourth; 41 % in a DQN of four inputs that balances its pole.) So a share under `chance` = 50 %
    counts only where training suffers: where the loss is flat and has never fallen by a tenth.
    Units that die together under a large update are found at any share from 20 % on (BS203).

    Fires on::

        x, y = rng.normal(size=(64, 8)), rng.normal(size=(64, 1))
        w, v = bs.tensor(rng.normal(size=(8, 20)) * 0.5), bs.tensor(rng.normal(size=(20, 1)) * 0.3)
        b = bs.tensor(np.where(np.arange(20) < 11, -20.0, 0.0))
        for step in range(40):
            h = bs.relu(x @ w + b)
            loss = np.mean((h @ v - y) ** 2)
            for p in (w, v, b):
                p.grad = None
            loss.backward()
            for p in (w, v, b):
                p.value -= 0.01 * p.grad

    Silent on::

        x, y = rng.normal(size=(64, 8)), rng.normal(size=(64, 1))
        w, v = bs.tensor(rng.normal(size=(8, 20)) * 0.5), bs.tensor(rng.normal(size=(20, 1)) * 0.3)
        b = bs.tensor(np.zeros(20))
        for step in range(40):
            h = bs.relu(x @ w + b)
            loss = np.mean((h @ v - y) ** 2)
            for p in (w, v, b):
                p.grad = None
            loss.backward()
            for p in (w, v, b):
                p.value -= 0.01 * p.grad

    What helps: a lower learning rate (or warm-up), He's initialisation, biases of zero, inputs of
    mean 0 and std 1; leaky ReLU lets gradient through everywhere.

    Source: A. Karpathy, "Yes you should understand backprop" (2016), who met networks of which 40 %
    was dead. He-initialised nets have 0.00.
    """
    for site in once(recording):
        both = latest(recording, site, samples=samples, steps=steps)
        if both is None:
            continue
        dead = dead_units(recording, site, both)
        part = share(dead)
        count, size = int(np.count_nonzero(dead)), int(dead.size)
        least = warning if suffers(recording) else max(warning, chance)
        if part < least or (count < units and part < critical):
            continue
        yield claim(
            site,
            f"{count} of {size} units ({part:.0%}) were never active on any of "
            f"{seen_in(both)}. They pass no gradient, so they cannot come back.",
            severity_of(part, warning, critical),
            fix="Lower the learning rate or warm it up, begin biases at 0 and weights with std "
            "√(2 / inputs) (He), scale the data to mean 0 and std 1; or use leaky ReLU.",
            evidence={
                "dead_share": part,
                "threshold": critical if part >= critical else least,
                "dead_units": count,
                "units": size,
                "first_step": both[0].first,
                "last_step": both[1].last,
                "samples": both[0].samples + both[1].samples,
            },
            note=f"{part:.0%} of the units were never active",
        )


def suffers(recording: Recording) -> bool:
    """Tell whether the run learns nothing: its loss is flat, and has never fallen by a tenth."""
    known = flat(recording)
    return known is not None and known.stuck
