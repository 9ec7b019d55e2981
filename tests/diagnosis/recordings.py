"""Recordings made by hand, for testing rules without any run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from backsight.traces.recording import Event, Probe, Recording, Site
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
