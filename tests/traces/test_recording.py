"""Recordings survive what happens to runs: kills, forks, full sizes, other programs' files."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from backsight.errors import FileFormatError, UsageError
from backsight.traces import recording_writer
from backsight.traces.recording import VERSION, Site, is_recording, load_recording, writer_of
from backsight.traces.recording_writer import RecordingWriter
from backsight.traces.trace import Location

WHERE = Location("/home/me/dqn.py", 41, 41, 12, 40, "np.clip(delta, -1, 1)", "loss")
SITE = Site(
    "clip",
    "clamp",
    WHERE,
    "loss",
    source="    x = np.clip(delta, -1, 1)",
    attributes={"low": -1.0, "high": 1.0, "consumers": ["square"]},
)


def written(path: Path, steps: int = 3) -> RecordingWriter:
    writer = RecordingWriter(path, {"script": "dqn.py", "pid": os.getpid()})
    site = writer.site(SITE)
    for step in range(1, steps + 1):
        writer.probe(step, site, {"arriving": 10.0, "blocked_inward": float(step)})
        writer.step(step, loss=1.0 / step, gradient_norm=2.0, observed=True)
    writer.flush()
    return writer


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "run.bsr"
    writer = written(path)
    writer.update(steps=3, probed=3)
    writer.event("exit", 7)
    writer.close()
    recording = load_recording(path)
    (site,) = recording.of_kind("clamp")
    assert (site.where, site.side, site.attributes, site.source) == (
        WHERE,
        "loss",
        SITE.attributes,
        SITE.source,
    )
    assert [probe["blocked_inward"] for probe in recording.probes(site)] == [1.0, 2.0, 3.0]
    assert [step.loss for step in recording.steps] == [1.0, 0.5, 1.0 / 3]
    assert recording.steps[0].learning_rate is None
    assert recording.meta["steps"] == 3
    exit_event = recording.event("exit")
    assert exit_event is not None
    assert exit_event.detail == 7
    assert recording.event("failure") is None


def test_losses_that_are_not_finite_survive(tmp_path: Path) -> None:
    writer = RecordingWriter(tmp_path / "run.bsr", {})
    for step, loss in enumerate((float("nan"), float("inf"), None), start=1):
        writer.step(step, loss=loss)
    writer.close()
    nan, inf, unknown = (step.loss for step in load_recording(tmp_path / "run.bsr").steps)
    assert nan is not None
    assert nan != nan
    assert inf == float("inf")
    assert unknown is None


def test_a_running_recording_can_be_read(tmp_path: Path) -> None:
    writer = written(tmp_path / "run.bsr")
    assert len(load_recording(tmp_path / "run.bsr").steps) == 3
    writer.step(4)
    writer.flush()
    assert len(load_recording(tmp_path / "run.bsr").steps) == 4
    writer.close()


def test_a_finished_recording_is_one_file(tmp_path: Path) -> None:
    written(tmp_path / "run.bsr").close()
    assert [path.name for path in tmp_path.iterdir()] == ["run.bsr"]


def test_a_killed_run_is_readable(tmp_path: Path) -> None:
    path = tmp_path / "run.bsr"
    program = (
        "import sys, time; from pathlib import Path\n"
        "from tests.traces.test_recording import written\n"
        "writer = written(Path(sys.argv[1]), 50)\n"
        "print('ready', flush=True); time.sleep(60)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(path)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    process.stdout.readline()
    assert writer_of(path) == process.pid
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert len(load_recording(path).steps) == 50
    assert writer_of(path) is None
    path.chmod(0o444)
    tmp_path.chmod(0o555)  # a folder where nothing can be created must not matter
    try:
        assert len(load_recording(path).steps) == 50
    finally:
        tmp_path.chmod(0o755)


FORKING = """
import os, sys
from pathlib import Path
from backsight.traces.recording_writer import RecordingWriter

writer = RecordingWriter(Path(sys.argv[1]), {})
writer.step(1)
writer.flush()
writer.step(2)
if os.fork() == 0:
    writer.step(3)
    writer.event("exit", 0)
    writer.close()
    sys.exit(0)  # the child's interpreter takes everything apart
os.wait()
writer.step(4)
writer.close()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform has no fork")
def test_a_forked_child_leaves_the_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "run.bsr"
    subprocess.run([sys.executable, "-W", "ignore", "-c", FORKING, str(path)], check=True)
    recording = load_recording(path)
    assert [step.number for step in recording.steps] == [1, 2, 4]
    assert recording.event("exit") is None


def test_rows_are_written_without_asking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = written(tmp_path / "run.bsr")
    monkeypatch.setattr(writer, "_interval", 0.01)
    time.sleep(0.02)
    writer.step(4)
    assert len(load_recording(tmp_path / "run.bsr").steps) == 4
    writer.close()


def test_the_size_is_bounded_and_the_sample_fair(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording_writer, "MOST_PROBES", 1000)
    monkeypatch.setattr(recording_writer, "MOST_STEPS", 1000)
    monkeypatch.setattr(recording_writer, "MOST_PENDING", 100)
    last = 20_000
    writer = RecordingWriter(tmp_path / "run.bsr", {})
    site, other = writer.site(SITE), writer.site(SITE)
    for step in range(1, last + 1):
        writer.probe(step, site, {"arriving": 1.0})
        if step % 100 == 0:
            writer.probe(step, other, {"arriving": 1.0})
        writer.step(step)
    writer.close()
    recording = load_recording(tmp_path / "run.bsr")
    kept = [probe.step for probe in recording.probes(recording.sites[0])]
    assert 500 <= len(kept) <= 1100
    assert kept[:64] == list(range(1, 65))
    assert kept[-64:] == list(range(last - 63, last + 1))
    middle = kept[64:-64]
    for period in (2, 3, 5, 10):
        share = sum(step % period == 0 for step in middle) / len(middle)
        assert abs(share - 1 / period) < 0.1
    halves = sum(step < last / 2 for step in middle) / len(middle)
    assert 0.4 < halves < 0.6
    assert len(recording.probes(recording.sites[1])) == 200
    assert 500 <= len(recording.steps) <= 1100


def test_it_works_with_a_rollback_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connected = recording_writer._connected

    def without_wal(path: Path, journal: str) -> sqlite3.Connection:
        if journal == "WAL":
            raise sqlite3.OperationalError("locking protocol")
        return connected(path, journal)

    monkeypatch.setattr(recording_writer, "_connected", without_wal)
    monkeypatch.setattr(recording_writer, "BUSY", 0.01)
    path = tmp_path / "run.bsr"
    writer = written(path)
    reader = sqlite3.connect(path)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM steps").fetchall()
    writer.step(4)
    assert writer.flush() is False  # a reader holds the file: the row waits
    reader.close()
    assert writer.flush() is True
    writer.close()
    assert len(load_recording(path).steps) == 4


def test_an_old_recording_is_replaced_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "run.bsr"
    written(path, 9).close()
    written(path, 2).close()
    assert len(load_recording(path).steps) == 2
    other = tmp_path / "data.csv"
    other.write_text("1,2")
    with pytest.raises(UsageError, match=r"data\.csv exists and is not a recording"):
        RecordingWriter(other, {})
    assert other.read_text() == "1,2"


def test_what_is_no_recording_is_refused_with_a_sentence(tmp_path: Path) -> None:
    def message(path: Path) -> str:
        with pytest.raises(FileFormatError) as caught:
            load_recording(path)
        return str(caught.value)

    assert "does not exist" in message(tmp_path / "no.bsr")
    assert "is a folder" in message(tmp_path)
    empty = tmp_path / "empty.bsr"
    empty.touch()
    assert "is empty" in message(empty)
    text = tmp_path / "text.bsr"
    text.write_text("print('hello')\n" * 100)
    assert "is not a recording of Backsight" in message(text)
    database = sqlite3.connect(tmp_path / "other.bsr")
    database.execute("CREATE TABLE t (x)")
    database.close()
    assert "is not a recording of Backsight" in message(tmp_path / "other.bsr")


def test_a_newer_recording_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.bsr"
    written(path).close()
    database = sqlite3.connect(path)
    database.execute(f"PRAGMA user_version = {VERSION + 1}")
    database.close()
    with pytest.raises(
        FileFormatError,
        match=rf"newer Backsight \(format {VERSION + 1}; this one reads up to {VERSION}",
    ):
        load_recording(path)


@pytest.mark.parametrize("damage", ["truncated", "overwritten", "row"])
def test_a_damaged_recording_is_refused(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "run.bsr"
    written(path, 500).close()
    content = bytearray(path.read_bytes())
    if damage == "truncated":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "overwritten":
        content[5000:9000] = b"\xff" * 4000
        path.write_bytes(content)
    else:
        database = sqlite3.connect(path)
        database.execute("UPDATE probes SET figures = '{' WHERE step = 3")
        database.commit()
        database.close()
    assert is_recording(path)
    with pytest.raises(FileFormatError, match="damaged"):
        load_recording(path)
