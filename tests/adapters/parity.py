"""One network in both sources: trained in each, and the two recordings compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import backsight as bs
from backsight.diagnosis import diagnose
from backsight.nn.optim import SGD
from backsight.traces.recording import Recording, Site, load_recording
from backsight.watching import watch

torch = pytest.importorskip("torch")

Weights = Mapping[str, Any]
Loss = Callable[[Any, Mapping[str, Any]], Any]
"""Computes the loss of (library, weights): one body where both libraries have the same names."""


class Both(NamedTuple):
    """The recordings of one network in the two sources."""

    engine: Recording
    torch: Recording


def recorded(
    folder: Path,
    weights: Weights,
    engine_loss: Callable[[Mapping[str, Any]], Any],
    torch_loss: Callable[[Mapping[str, Any]], Any],
    *,
    steps: int = 40,
    rate: float = 0.05,
) -> Both:
    """Train the same weights on both losses by gradient descent, watched at every step."""
    ours = {name: bs.tensor(value.copy(), name=name) for name, value in weights.items()}
    with watch(folder / "engine.bsr", every_step=True):
        optimizer: Any = SGD(list(ours.values()), rate)
        for _ in range(steps):
            optimizer.zero_grad()
            engine_loss(ours).backward()
            optimizer.step()
    w = {name: torch.tensor(value, requires_grad=True) for name, value in weights.items()}
    with watch(folder / "torch.bsr", every_step=True):
        optimizer = torch.optim.SGD(list(w.values()), rate)
        for _ in range(steps):
            optimizer.zero_grad()
            torch_loss(w).backward()
            optimizer.step()
    for name, value in w.items():  # else nothing below would mean anything
        np.testing.assert_allclose(ours[name].value, value.detach().numpy(), rtol=1e-6, atol=1e-9)
    found = Both(load_recording(folder / "engine.bsr"), load_recording(folder / "torch.bsr"))
    assert [r.meta["source"] for r in found] == ["engine", "torch"]
    assert [r.meta["probed"] for r in found] == [steps, steps]
    return found


def plain(name: str) -> str:
    """Return a parameter's own name: the torch source finds it among variables, as `w['a']`."""
    return name.rpartition("[")[2].strip("'\"]")


def sites_of(recording: Recording, kind: str) -> dict[Any, Site]:
    """Return the sites of a kind by what is theirs in either source."""
    found: dict[Any, Site] = {}
    for site in recording.of_kind(kind):
        fed = plain(str(site.attributes.get("weight", ""))) if kind == "activation" else ""
        key = (site.op, plain(site.parameter), fed, site.side, 0 if fed else site.ordinal)
        assert key not in found
        found[key] = site
    return found


def compare(both: Both, kind: str, *, attributes: tuple[str, ...] = ()) -> int:
    """Assert that all figures of one kind of site agree; return how many sites there were."""
    engine, other = (sites_of(recording, kind) for recording in both)
    assert sorted(engine) == sorted(other)
    for key, site in engine.items():
        for name in attributes:
            mine, theirs = site.attributes.get(name), other[key].attributes.get(name)
            assert mine == theirs, (key, name, mine, theirs)
        mine, theirs = both.engine.probes(site), both.torch.probes(other[key])
        assert [probe.step for probe in mine] == [probe.step for probe in theirs]
        for a, b in zip(mine, theirs, strict=True):
            alike(a.figures, b.figures, key)
        compare_units(both.engine.units(site), both.torch.units(other[key]))
    return len(engine)


def alike(mine: Mapping[str, float], theirs: Mapping[str, float], key: Any) -> None:
    """Assert that figures agree: all but `flat` to within rounding.

    Which derivatives are exactly 0 hangs on the last digit of a tanh.
    """
    assert mine.keys() == theirs.keys()
    for name, figure in mine.items():
        spare = 0.01 * mine["elements"] if name == "flat" else 1e-9
        assert theirs[name] == pytest.approx(figure, rel=1e-5, abs=spare), (key, name)


def compare_units(mine: tuple[Any, ...], theirs: tuple[Any, ...]) -> None:
    """Assert that the same units were active, window by window."""
    assert [(w.first, w.last, w.samples) for w in mine] == [
        (w.first, w.last, w.samples) for w in theirs
    ]
    for a, b in zip(mine, theirs, strict=True):
        np.testing.assert_array_equal(a.active, b.active)


def claims(recording: Recording) -> list[tuple[Any, ...]]:
    """Return what is claimed: of each finding code, severity, op and parameter."""
    found = diagnose(recording.path).findings
    return sorted((f.code, str(f.severity), f.op or "", plain(f.parameter or "")) for f in found)
