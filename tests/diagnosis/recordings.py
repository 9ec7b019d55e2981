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


SHUT = [0] * 6 + [9] * 4


def gathering(updates: int, passes: int = 4) -> Recording:
    """Gradients of exactly zero that gather over several passes before each update."""
    figures = [
        {"rms": 1.0, "gradient_rms": 0.0} | ({"unchanged": 1.0} if i % passes == 0 else {})
        for i in range(updates * passes)
    ]
    neighbour = [each | {"gradient_rms": 0.1} for each in figures]
    return run_of((weight("w", 3), figures), (weight("v", 1), neighbour))


def optimizing(op: str = "SGD", steps: int = 60, **figures: float) -> Recording:
    return run_of((Site(op, "optimizer", place_of(f"{op}(model)")), [figures] * steps))


def by_hand(kept: float) -> Recording:
    """Two weights in no optimiser, updated by hand, whose gradients were kept or cleared."""
    figures = [{"kept": kept, "update_std": 0.1}] * 10
    return run_of(*((weight(name, 1, optimizer=""), figures) for name in ("w", "b")))


def divided() -> Recording:
    """Gradients divided by the same number in every update, whatever their norm."""
    site = Site("SGD", "optimizer", place_of("SGD(model)"))
    figures = [{"coefficient": 0.01, "gradient_norm": 0.1 + 0.01 * step} for step in range(60)]
    return run_of((site, figures))


def shut_units(windows: int, inward: float) -> Recording:
    """A clip inside the model that lets 4 of 10 units through, ever."""
    site = clamp_site("np.clip(h, -1.0, 1.0)", side="hidden")
    figures = [{"rows": 128.0, "arriving": 100.0, "blocked_inward": 100 * inward}] * (4 * windows)
    counted = run_of(units=[(site, 512, [SHUT] * windows)])
    probes = tuple(Probe(step, each) for step, each in enumerate(figures, start=1))
    return dataclasses.replace(counted, probes_by_site={1: probes})


def rounding(gradient: float) -> Recording:
    """A rounding said to starve a weight whose gradient has this RMS."""
    attributes = {"parameters": ["w"], "distance": 3}
    site = Site("round", "flat", place_of("np.round(h)"), attributes=attributes)
    return run_of(
        (site, [{"starved": 1.0}] * 5), (weight("w", 5), [{"gradient_rms": gradient}] * 5)
    )


def detached(returned: float, gradient: dict[str, float]) -> Recording:
    """A cut before a weight with these figures; its value comes back to the loss, or does not."""
    site = Site("detach", "cut", place_of("h.detach()"), attributes={"parameters": ["w"]})
    figures = [{"upstream": 1.0, "unreached": 1.0, "returned": returned}] * 25
    return run_of((site, figures), (weight("w", 3), [{"rms": 1.0} | gradient] * 25))


def narrowed(underflowed: float, weighty: float = 1.0) -> Recording:
    """A cast in whose gradient this share of elements, and of what they carry, is lost."""
    site = Site("to", "narrowing", place_of("h.float()"), attributes={"dtype": "float16"})
    figures = {"elements": 100.0, "underflowed": 100 * underflowed, "vanished": 50 * underflowed}
    figures |= {"magnitude": 1.0, "magnitude_underflowed": weighty * underflowed}
    return run_of((site, [figures] * 20))


def evaluating(trained: float, evaluating: float = 1.0) -> Recording:
    site = Site("BatchNorm1d", "module", place_of("net.eval()"), module="net.norm")
    site = dataclasses.replace(site, attributes={"own": True, "switched": True})
    figures = {"evaluating": evaluating, "trained": trained, "whole": 1.0}
    return run_of((site, [figures] * 20))
