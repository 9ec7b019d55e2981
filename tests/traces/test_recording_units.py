"""Unit counts over time, extremes that are kept, and recordings of every version."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from backsight.errors import FileFormatError
from backsight.traces import recording_writer
from backsight.traces.recording import Event, Site, load_recording
from backsight.traces.recording_units import MOST_WINDOWS, UnitCounter, decoded_window, encoded
from backsight.traces.recording_writer import Extremes, RecordingWriter

GOLDEN = Path(__file__).parents[1] / "golden"
RELU = Site("relu", "activation", attributes={"units": 3})


def test_the_moment_of_death_is_known_to_within_a_window(tmp_path: Path) -> None:
    died = 6_000
    writer = RecordingWriter(tmp_path / "run.bsr", {})
    site = writer.site(RELU)
    for step in range(1, 10_001):
        assert writer.units(step, site, 10, np.array([0, 5 * (step < died), 10]))
        if step % 700 == 0:
            writer.flush()
    writer.close()
    recording = load_recording(tmp_path / "run.bsr")
    (relu,) = recording.of_kind("activation")
    windows = recording.units(relu)
    assert MOST_WINDOWS / 2 <= len(windows) <= MOST_WINDOWS
    assert windows[0].first == 1
    assert windows[-1].last == 10_000
    assert all(one.last + 1 == other.first for one, other in itertools.pairwise(windows))
    total = sum(window.active for window in windows)
    assert total.tolist() == [0, 5 * (died - 1), 100_000]
    assert sum(window.samples for window in windows) == 100_000
    alive = [window for window in windows if window.active[1] > 0]
    assert alive[-1].first < died <= alive[-1].last + 1
    assert alive[-1].last - alive[-1].first < 1000


def test_counts_beyond_32_bits_survive() -> None:
    counter = UnitCounter(2)
    counter.add(1, 10, np.array([2**40, 1]))
    window = decoded_window(*encoded(counter.windows[0]))
    assert window.active.tolist() == [2**40, 1]


def test_a_running_recording_shows_its_units(tmp_path: Path) -> None:
    writer = RecordingWriter(tmp_path / "run.bsr", {})
    site = writer.site(RELU)
    for step in range(1, 7):
        writer.units(step, site, 1, [0, 0, 1])
    writer.flush()
    recording = load_recording(tmp_path / "run.bsr")
    assert [window.samples for window in recording.units(recording.sites[0])] == [4, 2]
    writer.close()


def test_units_beyond_the_bound_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording_writer, "MOST_UNITS_IN_ALL", 5)
    writer = RecordingWriter(tmp_path / "run.bsr", {})
    one, two = writer.site(RELU), writer.site(RELU)
    assert writer.units(1, one, 1, [1, 1, 1])
    assert not writer.units(1, two, 1, [1, 1, 1])
    assert not writer.units(2, one, 1, [1, 1])  # a layer that changes its width
    assert writer.units(2, one, 1, [1, 1, 0])
    writer.close()
    recording = load_recording(tmp_path / "run.bsr")
    assert recording.units(recording.sites[0])[0].active.tolist() == [2, 2, 1]
    assert recording.units(recording.sites[1]) == ()


def test_extreme_probes_and_steps_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording_writer, "MOST_STEPS", 500)
    monkeypatch.setattr(recording_writer, "MOST_PROBES", 200)
    monkeypatch.setattr(recording_writer, "MOST_PENDING", 100)
    writer = RecordingWriter(tmp_path / "run.bsr", {})
    sites = [writer.site(RELU) for _ in range(2)]
    for step in range(1, 5001):
        for site in sites:
            peak = {2345 + site: 99.0, 1111 + site: -99.0}.get(step, float(step % 10))
            writer.probe(step, site, {"figure": peak, "other": 1.0})
        writer.step(step, loss={3210: 1e6}.get(step, 1.0), gradient_norm={777: 1e9}.get(step, 1.0))
    writer.close()
    recording = load_recording(tmp_path / "run.bsr")
    for site in recording.sites:
        kept = {probe.step for probe in recording.probes(site)}
        assert {2345 + site.id, 1111 + site.id, 1, 5000} <= kept
        assert len(kept) <= 210
    numbers = {step.number for step in recording.steps}
    assert {3210, 777, 1, 5000} <= numbers
    assert len(numbers) <= 600


def test_many_sites_share_the_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording_writer, "MOST_PROBES_IN_ALL", 1000)
    monkeypatch.setattr(recording_writer, "MOST_PENDING", 500)
    writer = RecordingWriter(tmp_path / "run.bsr", {})
    sites = [writer.site(RELU) for _ in range(20)]
    for step in range(1, 301):
        for site in sites:
            writer.probe(step, site, {"figure": 1.0})
        writer.step(step)
    writer.close()
    recording = load_recording(tmp_path / "run.bsr")
    counts = [len(recording.probes(site)) for site in recording.sites]
    assert sum(counts) <= 1100
    for site in recording.sites:
        steps = [probe.step for probe in recording.probes(site)]
        assert steps[:8] == list(range(1, 9))
        assert steps[-8:] == list(range(293, 301))


def test_the_first_number_that_is_not_finite_is_extreme() -> None:
    extremes = Extremes()
    for step, figure in enumerate((1.0, 2.0, float("nan"), float("nan"), 0.5)):
        extremes.add(step, {"figure": figure, "unknown": None})
    assert extremes.steps() == {2, 4}


@pytest.mark.parametrize("version", [1, 2])
def test_recordings_of_every_version_are_read(version: int) -> None:
    recording = load_recording(GOLDEN / f"recording-{version}.bsr")
    (clip,) = recording.of_kind("clamp")
    assert clip.where is not None
    assert clip.where.expression == "np.clip(delta, -1, 1)"
    assert [probe["blocked_inward"] for probe in recording.probes(clip)] == [
        float(step % 10) for step in range(1, 41)
    ]
    assert [step.loss for step in recording.steps] == [1 / step for step in range(1, 41)]
    for relu in recording.of_kind("activation"):
        assert sum(window.active for window in recording.units(relu)).tolist() == [320, 160, 0]
    assert len(list(recording.of_kind("activation"))) == version - 1


def test_an_event_has_its_place() -> None:
    place = dict(
        file="a.py", line=1, end_line=1, column=1, end_column=5, expression="x / y", function="f"
    )
    where = Event(0.0, "non-finite", {"where": place}).where
    assert where is not None
    assert where.expression == "x / y"
    assert Event(0.0, "exit", 0).where is None
    assert Event(0.0, "optimizer", {"where": None}).where is None


def test_damaged_units_are_told(tmp_path: Path) -> None:
    path = tmp_path / "run.bsr"
    writer = RecordingWriter(path, {})
    writer.units(1, writer.site(RELU), 1, [1, 0, 1])
    writer.flush()
    database = writer._database
    assert database is not None
    database.execute("UPDATE units SET active = x'0400'")
    writer.close()
    with pytest.raises(FileFormatError, match="damaged"):
        load_recording(path)


@pytest.mark.prove
def test_a_million_steps_stay_under_64_mib(tmp_path: Path) -> None:
    path = tmp_path / "run.bsr"
    writer = RecordingWriter(path, {})
    sites = [writer.site(RELU) for _ in range(50)]
    active, largest = np.arange(64), 0
    for step in range(1, 1_000_001):
        if step <= 20 or step % 100 == 0:
            for site in sites:
                writer.probe(step, site, {f"figure{i}": step / 7 + i for i in range(8)})
                writer.units(step, site, 64, active)
        writer.step(step, loss=1 / step, gradient_norm=2.0 + step % 7, learning_rate=0.1)
        if step % 50_000 == 0:
            largest = max(largest, sum(file.stat().st_size for file in tmp_path.iterdir()))
    writer.close()
    assert largest < 64 * 2**20
    recording = load_recording(path)
    assert recording.steps[0].number == 1
    assert recording.steps[-1].number == 1_000_000
    assert sum(window.samples for window in recording.units(recording.sites[0])) == 64 * 10_020
