"""Recordings of several processes as one."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from backsight.errors import UsageError
from backsight.traces.recording import Recording, Site, load_recording
from backsight.traces.recording_merge import merged, rank_of
from backsight.traces.recording_writer import RecordingWriter
from backsight.traces.trace import Location

RELU = Site("relu", "activation", attributes={"units": 2})
OTHER = Site("tanh", "activation")


def rank(folder: Path, number: int, steps: range, loss: float | None) -> Recording:
    path = folder / f"rank{number}.bsr"
    writer = RecordingWriter(path, {"script": "train.py", "rank": number})
    if number:
        writer.site(OTHER)  # the same site has another number in each file
    relu = writer.site(RELU)
    for step in steps:
        writer.probe(step, relu, {"figure": float(number)})
        writer.units(step, relu, 4, [number, 4])
        writer.step(step, loss=loss, gradient_norm=float(number), observed=True)
    writer.update(steps=steps.stop - 1, probed=len(steps))
    writer.event("exit", number)
    writer.close()
    return load_recording(path)


def test_the_same_site_is_one(tmp_path: Path) -> None:
    one = merged([rank(tmp_path, 0, range(1, 5), None), rank(tmp_path, 1, range(3, 7), 0.5)])
    assert [site.op for site in one.sites] == ["relu", "tanh"]
    relu = one.sites[0]
    assert [(p.step, p["figure"]) for p in one.probes(relu)] == [
        (1, 0), (2, 0), (3, 0), (3, 1), (4, 0), (4, 1), (5, 1), (6, 1),
    ]  # fmt: skip
    assert sum(window.active for window in one.units(relu)).tolist() == [4, 32]
    assert [step.number for step in one.steps] == [1, 2, 3, 4, 5, 6]
    assert [step.loss for step in one.steps] == [None, None, 0.5, 0.5, 0.5, 0.5]
    assert one.steps[3].gradient_norm == 0.0
    assert (one.meta["steps"], one.meta["probed"], one.meta["rank"]) == (6, 8, None)
    assert [event.detail for event in one.events_of("exit")] == [0, 1]


def test_one_recording_is_itself_and_none_is_refused(tmp_path: Path) -> None:
    alone = rank(tmp_path, 0, range(1, 3), 1.0)
    assert merged([alone]) is alone
    with pytest.raises(UsageError, match="no recording"):
        merged([])


def test_a_place_that_one_process_alone_knows_has_its_rank(tmp_path: Path) -> None:
    recordings = [rank(tmp_path, number, range(1, 3), 1.0) for number in (0, 1)]
    place = Location("train.py", 3, 3, 1, 5, "f(x)", "")
    alone = dataclasses.replace(
        recordings[1],
        sites=tuple(
            dataclasses.replace(site, where=place) if site.op == "tanh" else site
            for site in recordings[1].sites
        ),
    )
    one = merged([recordings[0], alone])
    assert rank_of(one, place) == 1
    assert rank_of(one, None) is None
    assert rank_of(recordings[1], place) == 1  # not merged: its own
    assert rank_of(dataclasses.replace(recordings[0], meta={"rank": None}), place) is None


def test_different_programs_are_not_merged(tmp_path: Path) -> None:
    one, other = (rank(tmp_path, number, range(1, 3), 1.0) for number in (0, 1))
    other = dataclasses.replace(other, meta={**other.meta, "script": "vae.py"})
    with pytest.raises(UsageError, match=r"are of different programs \(train.py, vae.py\)"):
        merged([one, other])
