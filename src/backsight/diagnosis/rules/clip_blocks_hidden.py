"""BS302: a clip inside the network is shut for whole units."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...traces.findings import Finding
from ...traces.recording import Recording
from ..deadness import inactive, latest, seen_in, share
from ..observations import claim, severity_of
from ..registry import rule


@rule("BS302", "clip-blocks-hidden", reads=("clamp.rows",))
def clip_blocks_hidden(
    recording: Recording,
    *,
    warning: float = 0.40,
    critical: float = 0.80,
    inward: float = 0.10,
    units: int = 5,
    samples: int = 512,
    steps: int = 20,
) -> Iterator[Finding]:
    """Find clips inside a network outside whose range many units lie whatever comes in.

    Outside its range a clip has the local derivative zero. A unit that lies there for every sample
    puts out a constant and gets no gradient, so nothing before it can bring it back. It is what a
    dead unit is for a ReLU.

    Judged are clip, clamp, hardtanh, and minimum or maximum with a constant, where a trainable
    parameter enters between them and the loss. A unit is shut if its value lay within the range in
    none of 512 sampled inputs (a unit of a convolution: at no position), or of 20 observed steps
    that span half the run, and then again. Some elements are outside in every healthy network, so
    they alone mean nothing; and if of the gradient that arrives under a share of `inward` asks for
    a value back inside the range, nothing is refused. max(x, 0) is a ReLU: see BS201.

    Fires on::

        x, y = rng.normal(size=(64, 8)), rng.normal(size=(64, 1))
        w, v = bs.tensor(rng.normal(size=(8, 20)) * 0.5), bs.tensor(rng.normal(size=(20, 1)) * 0.3)
        b = bs.tensor(np.where(np.arange(20) < 11, 20.0, 0.0))
        for step in range(40):
            h = np.clip(x @ w + b, -2.0, 2.0)
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
            h = np.clip(x @ w + b, -2.0, 2.0)
            loss = np.mean((h @ v - y) ** 2)
            for p in (w, v, b):
                p.grad = None
            loss.backward()
            for p in (w, v, b):
                p.value -= 0.01 * p.grad

    What helps: a normalisation before the clip, smaller weights, biases of zero, data of mean 0 and
    std 1; or an activation that is nowhere flat.

    Source: by analogy with dead ReLUs (BS201).
    """
    for site in recording.of_kind("clamp"):
        both = (
            latest(recording, site, samples=samples, steps=steps) if site.side == "hidden" else None
        )
        if both is None:
            continue
        shut = inactive(both[0]) & inactive(both[1])
        part, count, size = share(shut), int(np.count_nonzero(shut)), int(shut.size)
        if part < warning or (count < units and part < critical):
            continue
        probes = recording.probes(site)
        arriving = sum(probe["arriving"] for probe in probes)
        refused = sum(probe["blocked_inward"] for probe in probes)
        if refused < inward * arriving:
            continue
        yield claim(
            site,
            f"{count} of {size} units ({part:.0%}) lay outside the range of this {site.op} on all "
            f"of {seen_in(both)}. There its derivative is zero: they put out a constant, and none "
            "of the gradient that would move them gets through.",
            severity_of(part, warning, critical),
            fix="Normalise before the clip, make weights, biases or data smaller so that values "
            "fall inside the range, or use an activation without flat ends (leaky ReLU, GELU).",
            evidence={
                "shut_share": part,
                "threshold": critical if part >= critical else warning,
                "shut_units": count,
                "units": size,
                "refused_share": refused / arriving,
                "first_step": both[0].first,
                "last_step": both[1].last,
                "samples": both[0].samples + both[1].samples,
            },
            note=f"{part:.0%} of the units are always outside the range",
        )
