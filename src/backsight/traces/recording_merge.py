"""Several recordings of one job, one of each process, as one: `merged`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import UsageError
from .recording import Event, Probe, Recording, Site, Step
from .recording_units import UnitWindow
from .trace import Location


def merged(recordings: Sequence[Recording]) -> Recording:
    """Return the recordings of several processes as one.

    A site that is the same in all but its number is one site: its probes and unit counts stand side
    by side, in time order. Of a step that several saw, the first recording that knows its loss (its
    norm, its rate) tells it. The run as a whole is that of the first; steps are counted once,
    observations are added. The ranks that know a site are `meta["ranks"][site.id]`. Raises
    UsageError without any, and for recordings of different programs.
    """
    if not recordings:
        raise UsageError("there is no recording to merge")
    if len(recordings) == 1:
        return recordings[0]
    other = next((each for each in recordings if not one_run(recordings[0], each)), None)
    if other is not None:
        raise UsageError(
            f"{recordings[0].path} and {other.path} are of different programs "
            f"({recordings[0].meta.get('script')}, {other.meta.get('script')}); "
            "give the recordings of one run, or each of them alone"
        )
    ranks: dict[int, set[Any]] = {}
    sites: dict[Any, Site] = {}
    probes: dict[int, list[Probe]] = {}
    units: dict[int, list[UnitWindow]] = {}
    steps: dict[int, Step] = {}
    events: list[Event] = []
    for recording in recordings:
        for site in recording.sites:
            key = repr(dataclasses.replace(site, id=0))
            one = sites.setdefault(key, dataclasses.replace(site, id=len(sites) + 1))
            ranks.setdefault(one.id, set()).add(recording.meta.get("rank"))
            probes.setdefault(one.id, []).extend(recording.probes(site))
            units.setdefault(one.id, []).extend(recording.units(site))
        for step in recording.steps:
            known = steps.get(step.number)
            steps[step.number] = step if known is None else both(known, step)
        events += recording.events
    first = recordings[0]
    meta = dict(first.meta) | {
        "steps": max(recording.meta.get("steps", 0) for recording in recordings),
        "probed": sum(recording.meta.get("probed", 0) for recording in recordings),
        "seconds": max(recording.meta.get("seconds", 0.0) for recording in recordings),
        "overhead": max(recording.meta.get("overhead", 0.0) for recording in recordings),
        "merged": [str(recording.path) for recording in recordings],
        "rank": None,
        "ranks": ranks,
    }
    return Recording(
        first.path,
        meta,
        tuple(sites.values()),
        tuple(step for _, step in sorted(steps.items())),
        tuple(sorted(events, key=lambda event: event.time)),
        {site: tuple(sorted(found, key=lambda p: p.step)) for site, found in probes.items()},
        {site: tuple(sorted(found, key=lambda w: w.first)) for site, found in units.items()},
    )


def one_run(one: Recording, other: Recording) -> bool:
    """Tell whether two recordings may be of one run: of the same script, started at one place."""
    return all(one.meta.get(name) == other.meta.get(name) for name in ("script", "folder"))


def rank_of(recording: Recording, where: Location | None) -> int | None:
    """Return the rank of the only process that knows a place, None if several do, or it is alone.

    Of a recording that is not merged it is its own.
    """
    ranks: Mapping[int, set[Any]] | None = recording.meta.get("ranks")
    if ranks is None:
        own = recording.meta.get("rank")
        return own if isinstance(own, int) else None
    known = {rank for site in recording.sites if site.where == where for rank in ranks[site.id]}
    (rank,) = known if where is not None and len(known) == 1 else (None,)
    return rank if isinstance(rank, int) else None


def both(one: Step, other: Step) -> Step:
    """Return one step as two processes saw it."""
    return Step(
        one.number,
        one.loss if one.loss is not None else other.loss,
        one.gradient_norm if one.gradient_norm is not None else other.gradient_norm,
        one.learning_rate if one.learning_rate is not None else other.learning_rate,
        one.observed or other.observed,
    )
