"""Recordings made by hand, for testing rules without any run."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from backsight.traces.recording import Event, Probe, Recording, Site, Step
from backsight.traces.recording_units import UnitWindow
from backsight.traces.trace import Location

FOLDER = "/home/me/project"


def clamp_site(expression: str = "np.clip(delta, -1.0, 1.0)", **changes: Any) -> Site:
    line = f"    loss = np.mean({expression} ** 2)"
    column = line.index(expression) + 1
    place = Location(
        f"{FOLDER}/dqn.py", 41, 41, column, column + len(expression), expression, "loss_of"
    )
    fields: dict[str, Any] = {
        "op": "clip",
        "kind": "clamp",
        "where": place,
        "side": "loss",
        "source": line,
        "attributes": {"low": -1.0, "high": 1.0, "consumers": ["square"]},
        "id": 1,
    }
    return Site(**(fields | changes))


def probe(step: int, share: float, arriving: int = 64) -> Probe:
    blocked = round(share * arriving)
    return Probe(
        step,
        {
            "arriving": float(arriving),
            "blocked_inward": float(blocked),
            "leaving": float(arriving - blocked),
            "arriving_norm": 2.0,
            "leaving_norm": 1.0,
        },
    )


def recording_of(
    shares: Sequence[float], site: Site | None = None, *, ended: bool = True, **meta: Any
) -> Recording:
    """A run with one clamp that blocked these shares, step by step."""
    site = site or clamp_site()
    return Recording(
        Path("run.bsr"),
        {
            "script": "dqn.py",
            "folder": FOLDER,
            "source": "engine",
            "steps": len(shares),
            "probed": len(shares),
            "overhead": 0.031,
            **meta,
        },
        sites=(site,),
        events=(Event(0.0, "exit", 0),) if ended else (),
        probes_by_site={
            site.id: tuple(probe(step, share) for step, share in enumerate(shares, start=1))
        },
    )


def place_of(expression: str, line: int = 7) -> Location:
    column = 9
    return Location(
        f"{FOLDER}/train.py", line, line, column, column + len(expression), expression, "forward"
    )


Curve = Sequence[float | None]
Figures = dict[str, Any]


def run_of(
    *watched: tuple[Site, Sequence[Figures]],
    losses: Curve = (),
    norms: Curve = (),
    rates: Curve = (),
    events: Sequence[tuple[str, Any]] = (),
    units: Sequence[tuple[Site, int, Sequence[Sequence[int]]]] = (),
    length: int = 0,
) -> Recording:
    """A run made by hand: sites with their figures step by step, and the curves of the run.

    `units` are (site, samples per window, active counts window by window); a window is four steps.
    """
    length = max(
        length,
        *(len(figures) for _, figures in watched),
        *(4 * len(windows) for _, _, windows in units),
        *(len(curve) for curve in (losses, norms, rates)),
        1,
    )

    def at(curve: Curve, place: int) -> float | None:
        return curve[place] if place < len(curve) else None

    sites, probes, counted = [], {}, {}
    everything = [*watched, *((site, ()) for site, _, _ in units)]
    for number, (site, figures) in enumerate(everything, start=1):
        sites.append(dataclasses.replace(site, id=number))
        probes[number] = tuple(Probe(step, each) for step, each in enumerate(figures, start=1))
    for number, (_, samples, windows) in enumerate(units, start=len(watched) + 1):
        counted[number] = tuple(
            UnitWindow(4 * i + 1, 4 * i + 4, samples, np.array(active, dtype=np.uint64))
            for i, active in enumerate(windows)
        )
        probes[number] = tuple(Probe(step, {"flat": 0.0}) for step in range(1, length + 1))
    steps = tuple(
        Step(i + 1, at(losses, i), at(norms, i), at(rates, i), True) for i in range(length)
    )
    return Recording(
        Path("run.bsr"),
        {"script": "train.py", "folder": FOLDER, "source": "engine"}
        | {"steps": length, "probed": length},
        tuple(sites),
        steps,
        tuple(Event(0.0, kind, detail) for kind, detail in (*events, ("exit", 0))),
        probes,
        counted,
    )


def weight(name: str, distance: int, **attributes: Any) -> Site:
    known = {"weight": True, "distance": distance, "shape": [8, 8], "optimizer": "SGD"}
    place = place_of(f"bs.tensor({name}_start)", 3)
    return Site("", "parameter", place, parameter=name, attributes=known | attributes)


def activation(op: str, **changes: Any) -> Site:
    fields: dict[str, Any] = {"where": place_of(f"bs.{op}(h)"), "attributes": {"units": 10}}
    return Site(op, "activation", **(fields | changes))


def loss_of(op: str, **attributes: Any) -> Site:
    return Site(op, "loss", place_of(f"bs.{op}(out, y)", 9), "loss", attributes=attributes)
