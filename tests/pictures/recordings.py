"""Recordings made by hand, whose numbers are known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from backsight.traces.findings import Finding, Severity
from backsight.traces.recording import Probe, Recording, Site, Step
from backsight.traces.recording_units import UnitWindow
from backsight.traces.trace import Location

PLACE = Location("train.py", 7, 7, 9, 20, "cell(x[t], h)", "<module>")


def recording(
    steps: Any = (), sites: Any = (), probes: Any = None, units: Any = None, **meta: Any
) -> Recording:
    """Return a recording of these steps (losses, or `Step`s) and sites."""
    known = tuple(
        each if isinstance(each, Step) else Step(i + 1, each, observed=True)
        for i, each in enumerate(steps)
    )
    return Recording(
        Path("x.bsr"),
        {"steps": len(known), **meta},
        tuple(sites),
        known,
        (),
        probes or {},
        units or {},
    )


def deep(layers: int = 6, steps: int = 40, shrinking: float = 0.1) -> Recording:
    """Return a network whose gradient shrinks by a factor a layer, towards its input."""
    sites, probes = [], {}
    for i in range(layers):
        attributes = {"shape": [8, 8], "distance": 2 * (layers - i), "weight": True}
        name = f"model.layers.{i}.weight"
        sites.append(
            Site("parameter", "parameter", None, "parameter", "", name, 0, "", attributes, i)
        )
        size = shrinking ** (layers - 1 - i)
        probes[i] = tuple(
            Probe(step, {"std": 0.5, "gradient_rms": size / step, "update_std": 0.01 * size})
            for step in range(1, steps + 1)
        )
    return recording([1.0 / (i + 1) for i in range(steps)], sites, probes)


def recurrent(growth: float = 0.5, times: int = 21) -> Recording:
    """Return a run with one recurrence of known growth."""
    site = Site("matmul", "recurrence", PLACE, "hidden", "cell", "cell.w", id=1)
    total = growth ** (times - 1)
    figures = {"times": float(times), "growth": growth, "total": total, "spectral_radius": 0.6}
    return recording([1.0] * 9, [site], {1: tuple(Probe(s, figures) for s in range(1, 10))})


def with_units() -> Recording:
    """Return a layer of eight units: two were never active, three died, the others are active."""
    attributes = {"units": 8, "distance": 3}
    site = Site("relu", "activation", PLACE, "hidden", "model.1", attributes=attributes, id=1)
    early = np.array([0, 0, 5, 5, 5, 10, 10, 10], dtype=np.uint64)
    late = np.array([0, 0, 0, 0, 0, 10, 5, 10], dtype=np.uint64)
    windows = tuple(
        UnitWindow(10 * i + 1, 10 * i + 10, 10, early if i < 3 else late) for i in range(4)
    )
    figures = {"elements": 80.0, "flat": 60.0, "saturated": 0.0, "samples": 10.0}
    return recording([1.0] * 40, [site], {1: (Probe(1, figures), Probe(40, figures))}, {1: windows})


def finding(code: str = "BS101", step: int = 5, severity: Severity = Severity.CRITICAL) -> Finding:
    """Return a finding that begins in a step."""
    evidence = {"first_step": step, "last_step": step + 3, "threshold": 0.1}
    return Finding("It leaks.", severity, code, "some-rule", evidence=evidence)
