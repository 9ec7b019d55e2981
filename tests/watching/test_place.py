"""No older recording stands where a run begins; nobody else's file is touched."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from backsight.errors import UsageError
from backsight.traces.recording import writer_of
from backsight.traces.recording_writer import RecordingWriter
from backsight.watching.place import clear, is_marked, writing_process


def recorded(path: Path, pid: int, *, ended: bool) -> None:
    """What another process left at `path`, or is writing there."""
    code = (
        "import os, sys\nfrom pathlib import Path\n"
        "from backsight.traces.recording_writer import RecordingWriter\n"
        f"writer = RecordingWriter(Path(sys.argv[1]), {{'pid': {pid}}})\n"
        "writer.step(1)\nwriter.flush()\n"
        + ("writer.event('exit', 0)\nwriter.close()\n" if ended else "os._exit(9)\n")
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=False)


@pytest.fixture
def alive() -> int:
    """A process that is there for longer than the test."""
    return 1


def test_an_ended_or_killed_recording_is_removed_with_its_log(tmp_path: Path) -> None:
    for ended in (True, False):
        path = tmp_path / "run.bsr"
        recorded(path, 2**22 + 1, ended=ended)
        assert is_marked(path)
        assert path.with_name("run.bsr-wal").exists() is not ended
        clear(path, explicit=True)
        assert not list(tmp_path.iterdir())


def test_what_another_process_writes_stays(tmp_path: Path, alive: int) -> None:
    path = tmp_path / "run.bsr"
    recorded(path, alive, ended=False)
    assert writing_process(path) == writer_of(path) == alive
    clear(path, explicit=False)
    assert path.exists()
    with pytest.raises(UsageError, match=f"run.bsr is being written by process {alive}; choose"):
        clear(path, explicit=True)
    assert path.exists()


def test_another_kind_of_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "run.bsr"
    for content in (b"", b"short", b"not a recording " * 20):
        path.write_bytes(content)
        clear(path, explicit=False)
        assert path.read_bytes() == content
    clear(tmp_path / "missing.bsr", explicit=False)
    clear(tmp_path, explicit=False)


def test_our_own_recording_is_not_somebody_elses(tmp_path: Path) -> None:
    import os

    writer = RecordingWriter(tmp_path / "run.bsr", {"pid": os.getpid()})
    assert writing_process(tmp_path / "run.bsr") is None
    writer.close()


def test_nothing_of_it_loads_numpy() -> None:
    code = "import sys; from backsight.watching import early, place; print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
