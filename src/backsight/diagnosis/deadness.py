"""Units that were never active: what the windows of a recording say about a layer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np

from ..traces.recording import Recording, Site
from ..traces.recording_units import UnitWindow, joined

RECTIFIERS = ("relu", "relu6")


def rectifiers(recording: Recording) -> list[Site]:
    """Return the sites whose units can die: ReLU and its kin, wherever in the model.

    Near the loss only where a weight's product goes in: max(0, 1 − y · f(x)) is a margin, and zero
    everywhere once the task is solved.
    """
    return [
        site
        for site in recording.of_kind("activation")
        if site.op in RECTIFIERS
        and site.side != "parameter"
        and not site.attributes.get("gate")
        and (site.side != "loss" or site.attributes.get("weight"))
    ]


def pooled(parts: Sequence[UnitWindow]) -> UnitWindow:
    """Take several windows as one."""
    return reduce(joined, parts)


def inactive(window: UnitWindow, at_most: float = 0.0) -> Any:
    """Return which units were active on at most this share of the samples."""
    return np.asarray(window.active, dtype=np.float64) <= at_most * window.samples


def dead_units(recording: Recording, site: Site, both: tuple[UnitWindow, UnitWindow]) -> Any:
    """Return which units were off in both stretches, wherever their weight is used.

    A network that is called in several places (the discriminator of a GAN: on real samples and on
    generated ones) has a site at each call. What is off at one may be active at the other, and
    learns there.
    """
    dead = inactive(both[0]) & inactive(both[1])
    for other in same_units(recording, site):
        for window in recording.units(other):
            if window.last >= both[0].first and np.shape(window.active) == dead.shape:
                dead &= inactive(window)
    return dead


def same_units(recording: Recording, site: Site) -> list[Site]:
    """Return the other sites at which the units of this one, by its weight, are used."""
    weight = site.attributes.get("weight")
    if not isinstance(weight, str) or not weight:
        return []
    return [
        other
        for other in rectifiers(recording)
        if other.id != site.id
        and (other.op, other.module) == (site.op, site.module)
        and other.attributes.get("weight") == weight
    ]


def once(recording: Recording) -> list[Site]:
    """Return the rectifiers, of those with the same units the first: one story is told once."""
    found: list[Site] = []
    for site in rectifiers(recording):
        if not any(other in found for other in same_units(recording, site)):
            found.append(site)
    return found


def share(units: Any) -> float:
    """Return the share of units that are marked."""
    return float(np.mean(units)) if np.size(units) else 0.0


def enough(parts: Sequence[UnitWindow], recording: Recording, samples: int, steps: int) -> bool:
    """Tell whether the windows hold enough to judge a unit.

    Enough are `samples` inputs, or `steps` observed steps that span half of the run or more.
    """
    if sum(part.samples for part in parts) >= samples:
        return True
    first, last = parts[0].first, parts[-1].last
    seen = sum(step.observed and first <= step.number <= last for step in recording.steps)
    length = max(int(recording.meta.get("steps", 0)), 1)
    return seen >= steps and 2 * (last - first + 1) >= length


def latest(
    recording: Recording, site: Site, *, samples: int, steps: int = 20
) -> tuple[UnitWindow, UnitWindow] | None:
    """Return the last two stretches that hold enough each, None where there are none.

    A verdict on units asks for two: what is off in one of them may be on in the other.
    """
    found: list[UnitWindow] = []
    gathered: list[UnitWindow] = []
    for part in reversed(sound_windows(recording, site)):
        gathered.insert(0, part)
        if enough(gathered, recording, samples, steps):
            found.append(pooled(gathered))
            gathered = []
        if len(found) == 2:
            return found[1], found[0]
    return None


def sound_windows(recording: Recording, site: Site) -> list[UnitWindow]:
    """Return the windows before the first value that is not a number, which is never above 0."""
    end = math.inf
    for event in recording.events_of("non-finite"):
        if isinstance(event.detail, dict) and event.detail.get("step") is not None:
            end = min(end, float(event.detail["step"]))
    for step in recording.steps:
        if step.loss is not None and not math.isfinite(step.loss):
            end = min(end, float(step.number))
    return [window for window in recording.units(site) if window.last < end]


def seen_in(both: tuple[UnitWindow, UnitWindow]) -> str:
    """Say honestly on what a verdict about units rests."""
    samples = both[0].samples + both[1].samples
    return f"{samples:,} sampled inputs (steps {both[0].first} to {both[1].last})"
