"""The graph that a recording keeps of the first observed pass: that of `trace`, without arrays."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import backsight as bs
from backsight.adapters import engine_outline
from backsight.errors import FileFormatError
from backsight.traces.recording import Recording, load_recording
from backsight.traces.store import outline_form, read_outline
from backsight.traces.trace import Trace

rng = np.random.default_rng(0)
X, Y = rng.normal(size=(16, 4)), rng.normal(size=(16, 1))
HIDDEN, LAST = rng.normal(size=(4, 6)), rng.normal(size=(6, 1))


def loss_of(hidden: Any, last: Any) -> Any:
    delta = bs.relu(X @ hidden) @ last - Y
    return np.mean(np.clip(delta, -1.0, 1.0) ** 2)


def leaves() -> tuple[Any, Any]:
    return bs.tensor(HIDDEN, name="hidden"), bs.tensor(LAST, name="last")


def recorded(path: Path, steps: int = 3) -> Recording:
    hidden, last = leaves()
    with bs.watch(path):
        for _ in range(steps):
            loss_of(hidden, last).backward()
            for leaf in (hidden, last):
                leaf.value -= 0.01 * leaf.grad
                leaf.grad = None
    return load_recording(path)


def bare(trace: Trace) -> list[Any]:
    """What an outline can hold of a trace; names of values are those of the calling frame."""
    fields = ("op", "inputs", "where", "value_stats", "grad_stats")
    return [tuple(repr(getattr(node, name)) for name in fields) for node in trace]


def test_it_is_the_trace_of_the_first_pass_without_its_arrays(tmp_path: Path) -> None:
    run = recorded(tmp_path / "run.bsr")
    (event,) = run.events_of("graph")
    assert event.detail["step"] == 1
    outline = read_outline(event.detail["outline"])
    assert bare(outline) == bare(bs.trace(loss_of(*leaves())))
    assert [node.name for node in outline.parameters()] == ["hidden", "last"]
    assert all(node.value is None and node.grad is None for node in outline)


def test_what_is_too_large_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_outline, "MOST_NODES", 3)
    assert recorded(tmp_path / "nodes.bsr").event("graph") is None
    monkeypatch.undo()
    monkeypatch.setattr(engine_outline, "MOST_NUMBERS", 100)
    run = recorded(tmp_path / "numbers.bsr")
    assert run.event("graph") is None
    assert run.meta["probed"] == 3


def test_what_goes_wrong_costs_the_outline_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("__init__", "node", "build"):
        with monkeypatch.context() as patch:
            patch.setattr(engine_outline.TraceBuilder, name, lambda *_: 1 / 0)
            run = recorded(tmp_path / f"{name}.bsr")
        assert run.event("graph") is None
        assert run.event("failure") is None
        assert run.meta["probed"] == 3


def test_numbers_that_are_not_finite_survive_json() -> None:
    x = bs.tensor(np.array([0.0, np.inf, 2.0]), name="x")
    trace = bs.trace(np.sum(x * 2.0))
    again = read_outline(json.loads(json.dumps(outline_form(trace), allow_nan=False)))
    assert bare(again) == bare(trace)


def test_arrays_among_the_attributes_are_left_out() -> None:
    x = bs.tensor(rng.normal(size=(4, 3)), name="x")
    trace = bs.trace(np.sum(x[np.arange(4), np.array([0, 1, 2, 0])]))
    again = read_outline(json.loads(json.dumps(outline_form(trace))))
    assert bare(again) == bare(trace)


@pytest.mark.parametrize("form", [None, [], {}, {"format": "backsight trace", "version": 99}])
def test_a_form_that_nobody_wrote_is_refused(form: Any) -> None:
    with pytest.raises(FileFormatError):
        read_outline(form)


def test_an_older_trace_is_unchanged_by_it() -> None:
    trace = bs.trace(loss_of(*leaves()))
    kept = [dataclasses.replace(node) for node in trace]
    outline_form(trace)
    assert [node.value is None for node in kept] == [node.value is None for node in trace]
