"""BS203: units that were alive died within a few steps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from ...traces.findings import Finding, Severity
from ...traces.recording import Recording, Site
from ..deadness import (
    dead_units,
    inactive,
    latest,
    once,
    pooled,
    same_units,
    sound_windows,
)
from ..observations import claim, power
from ..places import last_learning_rate
from ..registry import rule
from ..weights import update_ratios


@rule("BS203", "died-in-training", reads=("activation.flat",))
def died_in_training(
    recording: Recording,
    *,
    critical: float = 0.20,
    within: int = 50,
    samples: int = 512,
    large: float = 0.03,
    violent: float = 0.3,
    often: float = 0.05,
) -> Iterator[Finding]:
    """Find layers of which a good part dies at once: one update was too large.

    A step that is too large can push the bias of a unit so far down that it is off for every input
    and gets no gradient ever after. Units that die together were killed by the learning rate, not
    by their initialisation.

    A unit has died if it was active before and on none of the last 2 × 512 sampled inputs. Fires
    where 20 % of a layer or more died within 50 steps (or within one window of the recording, where
    that is longer), and some update in that span was large: std(Δw) ÷ std(w) of 0.03 or more (the
    median over the weights; 0.001 is usual, and healthy nets under Adam reach 0.03). Where all
    updates were small, it was not the learning rate that killed them: units that were hardly ever
    active to begin with drift out of reach in healthy nets, too.

    Fires on::

        x, y = rng.normal(size=(64, 8)) + 1, rng.normal(size=(64, 1)) * 5
        w, v = bs.tensor(rng.normal(size=(8, 20)) * 0.5), bs.tensor(rng.normal(size=(20, 1)) * 0.3)
        b = bs.tensor(np.zeros(20))
        for step in range(60):
            h = bs.relu(x @ w + b)
            loss = np.mean((h @ v - y) ** 2)
            for p in (w, v, b):
                p.grad = None
            loss.backward()
            for p in (w, v, b):
                p.value -= (2.0 if step == 20 else 0.001) * p.grad

    Silent on::

        x, y = rng.normal(size=(64, 8)) + 1, rng.normal(size=(64, 1)) * 5
        w, v = bs.tensor(rng.normal(size=(8, 20)) * 0.5), bs.tensor(rng.normal(size=(20, 1)) * 0.3)
        b = bs.tensor(np.zeros(20))
        for step in range(60):
            h = bs.relu(x @ w + b)
            loss = np.mean((h @ v - y) ** 2)
            for p in (w, v, b):
                p.grad = None
            loss.backward()
            for p in (w, v, b):
                p.value -= 0.001 * p.grad

    What helps: a lower learning rate, a warm-up, clipping the gradient's norm before the update.

    Source: A. Karpathy, "Yes you should understand backprop" (2016), on dead ReLUs.
    """
    for site in once(recording):
        both = latest(recording, site, samples=samples)
        told: list[tuple[Any, int, float]] = []  # units that are dead, samples seen, least update
        if both is not None:
            seen = both[0].samples + both[1].samples
            told.append((dead_units(recording, site, both), seen, large))
        lately = dead_lately(recording, site, samples=samples, often=often)
        if lately is not None:
            told.append((*lately, violent))
        for dead, seen, least in told:
            deaths = times_of_death(recording, site, dead)
            count, begin = most_within(deaths, within)
            if count / max(int(dead.size), 1) < critical:
                continue
            end = max(d for d in deaths if d <= begin + within)
            span = [pair for pair in update_ratios(recording) if begin - within <= pair[0] <= end]
            if least > large and not span:
                continue
            if span and max(size for _, size in span) < least:
                continue
            died = Died(begin, end, count, int(dead.size), seen)
            yield story(recording, site, died, span, critical)
            break


class Died(NamedTuple):
    """So many of the units of a layer died between two steps; `samples` were seen since."""

    begin: int
    end: int
    died: int
    units: int
    samples: int


def story(
    recording: Recording,
    site: Site,
    died: Died,
    span: list[tuple[int, float]],
    threshold: float,
) -> Finding:
    """Tell of units that died; `span` are the sizes of the updates about that time."""
    part = died.died / died.units
    rate = last_learning_rate(recording)
    evidence: dict[str, object] = {
        "died_share": part,
        "threshold": threshold,
        "died_units": died.died,
        "units": died.units,
        "first_step": died.begin,
        "last_step": died.end,
        "samples": died.samples,
    }
    jolt = ""
    if span:
        step, largest = max(span, key=lambda pair: pair[1])
        evidence["largest_update"] = largest
        jolt = f" The largest update there changed the weights by {power(largest)} of their "
        jolt += f"spread (step {step}; 0.001 is usual)."
    several = died.end > died.begin
    when = f"between steps {died.begin} and {died.end}" if several else f"after step {died.end}"
    return claim(
        site,
        f"{died.died} of {died.units} units ({part:.0%}) died {when}: active before, on none of "
        f"{died.samples:,} sampled inputs since.{jolt}",
        Severity.CRITICAL,
        fix="Lower the learning rate"
        + (f" (it is {power(rate)}) to a tenth" if rate else " to a tenth")
        + ", or warm it up; clip the gradient's norm between backward() and the update.",
        evidence=evidence,
        note=f"{part:.0%} of the units died after step {died.begin}",
    )


def most_within(deaths: list[int], within: int) -> tuple[int, int]:
    """Return how many died within so many steps at most, and when that began."""
    counts = ((sum(b <= d <= b + within for d in deaths), -b) for b in deaths)
    count, begin = max(counts, default=(0, 0))
    return count, -begin


def dead_lately(
    recording: Recording, site: Site, *, samples: int, often: float
) -> tuple[Any, int] | None:
    """Return the units that are dead by the last half of `samples` alone, and how many those are.

    They were often active before, on `samples` inputs or more. None where too little was seen, or
    where the units are used in other places, too.
    """
    windows = sound_windows(recording, site)
    start = len(windows)
    while start and sum(w.samples for w in windows[start:]) < samples // 2:
        start -= 1
    before, after = windows[:start], windows[start:]
    few = sum(w.samples for w in before) < samples or sum(w.samples for w in after) < samples // 2
    if few or same_units(recording, site):
        return None
    known, last = pooled(before), pooled(after)
    return inactive(last) & ~inactive(known, often), last.samples


def times_of_death(recording: Recording, site: Site, dead: np.ndarray) -> list[int]:
    """Return for each dead unit that once was active the last step of its last active window."""
    found: dict[int, int] = {}
    for window in sound_windows(recording, site):
        for unit in np.flatnonzero(np.asarray(window.active)):
            found[int(unit)] = window.last
    return sorted(step for unit, step in found.items() if dead[unit])
