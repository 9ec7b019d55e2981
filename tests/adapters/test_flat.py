"""Ops without a derivative: which parameters they starve."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import backsight as bs
from backsight.adapters.flat import starved_by
from backsight.traces.recording import Recording

from .engine_runs import only, recorded

RNG = np.random.default_rng(3)
X = RNG.normal(size=(16, 4))


@pytest.mark.parametrize(
    ("nodes", "flat", "expected"),
    [
        ([(1, (2,)), (2, (-1,))], {2}, {2: (-1,)}),
        ([(1, (2, -1)), (2, (-1, -2))], {2}, {2: (-2,)}),  # leaf −1 has a way around it
        ([(1, (2,)), (2, (3,)), (3, (-1,))], {2, 3}, {2: (-1,)}),  # the nearest has the blame
        ([(1, (2, 3)), (2, (-1,)), (3, (-1,))], {2, 3}, {2: (-1,), 3: (-1,)}),
        ([(1, (-1,)), (2, (1, -2))], set(), {}),
        ([(1, (3,)), (2, (3,)), (3, (-1,))], {1}, {}),  # two roots, one of them live
    ],
)
def test_starved_leaves(nodes: Any, flat: Any, expected: Any) -> None:
    assert starved_by(nodes, flat) == expected


def run(step: Any, tmp_path: Path) -> tuple[Recording, Any]:
    w, v = bs.tensor(RNG.normal(size=(4, 3)), name="w"), bs.tensor(RNG.normal(size=(3, 4)))
    recording = recorded(tmp_path, lambda: np.mean((step(X @ w) @ v - X) ** 2).backward())
    assert np.all(v.grad != 0)
    return recording, w


@pytest.mark.parametrize("name", ["round", "floor", "ceil", "trunc", "sign"])
def test_a_step_on_the_only_way_is_found(name: str, tmp_path: Path) -> None:
    recording, w = run(getattr(np, name), tmp_path)
    site = only(recording, "flat")
    assert (site.op, site.attributes["parameters"]) == (name, ["w"])
    assert recording.probes(site)[0]["starved"] == 1
    assert not np.any(w.grad)  # which is what it claims


def test_a_step_with_a_way_around_it_is_not(tmp_path: Path) -> None:
    recording, w = run(lambda h: h + (np.round(h) - h).detach(), tmp_path)
    assert not list(recording.of_kind("flat"))
    assert np.any(w.grad)
    recording, w = run(lambda h: h - np.floor(h), tmp_path)
    assert not list(recording.of_kind("flat"))
