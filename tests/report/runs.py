"""Recordings made by hand, small and large, kind and hostile, and their reports."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

import backsight as bs
from backsight.diagnosis import diagnose
from backsight.report import report_html
from backsight.traces.recording import Event, Recording, Site
from backsight.traces.store import outline_form
from backsight.traces.trace import Location, Trace

from ..diagnosis.recordings import activation, clamp_site, loss_of, run_of, weight
from .parsed import Element, parsed

HOSTILE = "<script>alert(1)</script>\"'&<!--</style></title>"


def report_of(recording: Recording) -> str:
    return report_html(recording, diagnose(recording))


def tree_of(recording: Recording) -> Element:
    return parsed(report_of(recording))


def clamped(share: float) -> dict[str, Any]:
    return {
        "arriving": 64.0,
        "blocked_inward": round(64 * share),
        "leaving": 64.0 - round(64 * share),
        "arriving_norm": 2.0,
        "leaving_norm": 1.0,
    }


def small(steps: int = 40, share: float = 0.75) -> Recording:
    """A run with a clip that blocks, two weights and a layer with units of which some die."""
    weights = [
        (
            weight(name, distance),
            [
                {"rms": 1.0, "std": 1.0, "gradient_rms": size / (i + 1), "update_std": 1e-3}
                for i in range(steps)
            ],
        )
        for name, distance, size in (("first.w", 8, 0.5), ("last.w", 2, 4.0))
    ]
    relu = activation("relu", module="hidden")
    figures = {"samples": 64.0, "elements": 640.0, "saturated": 0.0, "flat": 320.0, "std": 0.7}
    windows = [[64 - i, *[32] * 7, max(0, 3 - i), 0] for i in range(steps // 4)]
    return run_of(
        (clamp_site(), [clamped(share)] * steps),
        (loss_of("squared_error"), [{"error_rms": 1.0}] * steps),
        (relu, [figures] * steps),
        *weights,
        losses=[2.0 / (i + 1) for i in range(steps)],
        norms=[1.0 + i % 3 for i in range(steps)],
        rates=[0.1] * steps,
        units=[(dataclasses.replace(relu, module="counted"), 64, windows)],
    )


def hostile() -> Recording:
    """A run whose every name, source and message would like to be markup."""
    run = small()
    sites = tuple(hurt(site) for site in run.sites)
    meta = {"script": f"{HOSTILE}.py", "argv": [HOSTILE], "versions": {HOSTILE: HOSTILE}}
    events = (*run.events, dataclasses.replace(run.events[0], kind="not-observed", detail=HOSTILE))
    return dataclasses.replace(run, sites=sites, meta=dict(run.meta) | meta, events=events)


def hurt(site: Site) -> Site:
    assert site.where is not None
    place = dataclasses.replace(site.where, function=HOSTILE, file=f"/x/{HOSTILE.replace('/', '')}")
    source = f"    loss = np.mean({HOSTILE} + np.clip(delta, -1.0, 1.0) ** 2)"
    attributes = dict(site.attributes) | {"optimizer": HOSTILE}
    return dataclasses.replace(
        site,
        where=place,
        module=HOSTILE,
        parameter=HOSTILE if site.parameter else "",
        source=source,
        attributes=attributes,
    )


def long(steps: int = 10_000, layers: int = 30, units: int = 256) -> Recording:
    """A run whose every step was observed, of a deep network with wide layers."""

    def figures(layer: int, i: int) -> dict[str, float]:
        size = 10.0 ** -(layer % 5) * (1 + 0.5 * math.sin(i / 7 + layer))
        return {"rms": 1.0, "std": 1.0, "gradient_rms": size, "update_std": 1e-3 * size}

    kept: Sequence[int] = range(0, steps, max(steps // 800, 1))
    run = run_of(
        (clamp_site(), [clamped(0.5 + 0.4 * math.sin(i / 50)) for i in range(800)]),
        *(
            (
                weight(f"blocks.{layer}.attention.weight", 4 * layer),
                [figures(layer, i) for i in kept],
            )
            for layer in range(layers)
        ),
        *(
            (
                activation("relu", module=f"blocks.{layer}", where=place(layer)),
                [{"samples": 64.0, "elements": 640.0, "saturated": 0.0, "flat": 320.0, "std": 0.7}]
                * 800,
            )
            for layer in range(layers)
        ),
        losses=[2.0 + math.sin(i / 11) + 1000.0 / (i + 1) for i in range(steps)],
        norms=[1.0 + i % 3 for i in range(steps)],
        rates=[0.1] * steps,
        units=[
            (
                activation("relu", module=f"counted.{layer}", where=place(layer)),
                64,
                [[(7 * u * (w + 1)) % 65 for u in range(units)] for w in range(32)],
            )
            for layer in range(layers)
        ],
    )
    # The figures were made in a row; they are of steps all over the run.
    spread = {
        site: tuple(
            dataclasses.replace(p, step=1 + i * steps // len(found)) for i, p in enumerate(found)
        )
        for site, found in run.probes_by_site.items()
        if len(found) <= 800
    }
    probes = dict(run.probes_by_site) | spread
    return dataclasses.replace(run, probes_by_site={s: p[:800] for s, p in probes.items()})


def place(line: int) -> Location:
    return Location("/x/train.py", 10 + line, 10 + line, 1, 11, "F.relu(x)", "forward")


def traced(outline: Any = None) -> Recording:
    """The small run, with the graph of a pass in which its clip stands where the clip is."""
    run = small()
    w = bs.tensor(np.ones((4, 1)), name="first.w")
    trace = bs.trace(np.mean(np.clip(np.ones((8, 4)) @ w, -1.0, 1.0) ** 2))
    clip = next(site.where for site in run.sites if site.kind == "clamp")
    nodes = [dataclasses.replace(n, where=clip) if n.op == "clip" else n for n in trace]
    known = outline or json.loads(json.dumps(outline_form(Trace(tuple(nodes)))))
    event = Event(0.0, "graph", {"step": 1, "outline": known})
    return dataclasses.replace(run, events=(*run.events, event))
