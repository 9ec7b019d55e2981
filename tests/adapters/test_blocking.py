"""How many samples of each unit a clamp lets through, against a loop over the elements."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import backsight as bs
from backsight.adapters.blocking import open_counts

from .engine_runs import only, recorded

RNG = np.random.default_rng(11)


def by_hand(value: Any, low: float, high: float, axis: int) -> list[int]:
    rows = np.moveaxis(value, axis, -1)
    if value.ndim == 4:
        rows = rows.reshape(rows.shape[0], -1, rows.shape[-1])
        return [
            sum(any(low <= x <= high for x in row[:, u]) for row in rows)
            for u in range(rows.shape[2])
        ]
    rows = rows.reshape(-1, rows.shape[-1])
    return [sum(low <= row[u] <= high for row in rows) for u in range(rows.shape[1])]


@pytest.mark.parametrize(
    ("shape", "axis"), [((50, 6), -1), ((6, 50), 0), ((5, 7, 6), -1), ((9, 6, 3, 4), 1)]
)
def test_open_counts(shape: tuple[int, ...], axis: int) -> None:
    offset = np.moveaxis(np.zeros(shape), axis, -1) + np.array([0, 0, 4, -4, 0.5, 9])
    value = RNG.normal(size=shape) + np.moveaxis(offset, -1, axis)
    units, samples, counted = open_counts(value, -1.0, 1.0, axis, 0)
    assert units == 6
    assert samples == value.size // 6 if value.ndim < 4 else shape[0]
    assert counted.tolist() == by_hand(value, -1.0, 1.0, axis)
    assert counted[5] == 0


def test_no_bound_on_one_side_and_bounds_by_element() -> None:
    value = np.array([[1.0, 5.0], [2.0, 6.0]])
    assert open_counts(value, None, 4.0, None, 0)[2].tolist() == [2, 0]
    assert open_counts(value, 4.0, None, None, 0)[2].tolist() == [0, 2]
    assert open_counts(value, None, np.array([1.0, 5.0]), None, 0)[2].tolist() == [1, 1]


def test_units_of_hidden_clips_only(tmp_path: Path) -> None:
    x = RNG.normal(size=(32, 4))
    w, v = bs.tensor(RNG.normal(size=(4, 3))), bs.tensor(RNG.normal(size=(3, 1)))
    b = bs.tensor(np.array([0.0, 9.0, -9.0]))
    recording = recorded(
        tmp_path,
        lambda: np.mean(np.clip(np.clip(x @ w + b, -1, 1) @ v - 1, -9, 9) ** 2).backward(),
    )
    hidden, outer = only(recording, "clamp", side="hidden"), only(recording, "clamp", side="loss")
    (window,) = recording.units(hidden)
    inside = np.abs(x @ w.value + b.value) <= 1
    assert (window.samples, hidden.attributes["units"]) == (32, 3)
    assert window.active.tolist() == inside.sum(axis=0).tolist()
    assert recording.units(outer) == ()


def test_a_relu_is_no_clip_as_well(tmp_path: Path) -> None:
    x = RNG.normal(size=(32, 4))
    w, v = bs.tensor(RNG.normal(size=(4, 3))), bs.tensor(RNG.normal(size=(3, 1)))
    for relu in (lambda h: np.maximum(h, 0), lambda h: np.clip(h, 0, None)):
        recording = recorded(tmp_path, lambda relu=relu: np.mean(relu(x @ w) @ v).backward())
        assert only(recording, "activation").op == "relu"
        assert not list(recording.of_kind("clamp"))
