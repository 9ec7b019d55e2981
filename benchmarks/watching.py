"""What watching costs: `python benchmarks/watching.py`, some 20 minutes on a free machine.

Slowdown at default settings: each workload trains bare, watched, bare in processes of their own,
the watched one as long as the two bare ones together; the ratio is that of the seconds per step. On
a shared machine read the ratio of processor time: it does not count what others take.

A step that is not observed and one that is are measured in one process, in alternating turns with
bare steps; so is the time to diagnose a recording of 10,000 steps.

    python benchmarks/watching.py --seconds 60 --write
    python benchmarks/watching.py --seconds 2 --only lstm,engine-mlp

`--write` puts the table into benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from workloads import WORKLOADS, Step, made

from backsight.diagnosis import diagnose
from backsight.traces.recording import load_recording
from backsight.watching import Sampling, Session
from backsight.watching.engine import watch_engine
from backsight.watching.torch import watch_torch

HERE = Path(__file__).parent
BEGIN, END = "<!-- watching: begin -->", "<!-- watching: end -->"
COLUMNS = (
    "workload", "bare", "ratio", "of processor time", "observed", "told", "idle step",
    "observed step",
)  # fmt: skip
TURNS = 10  # of each side, for one step
TURN = 0.4  # seconds
SETTLED = 24  # steps after which a run is measured as it goes on
DIAGNOSED = 10_000  # steps


class Slowdown(NamedTuple):
    """One workload bare and watched at default settings; seconds are those of one step."""

    name: str
    bare: float
    watched: float
    bare_processor: float
    watched_processor: float
    trained: float  # seconds, watched
    steps: int
    observed: int
    told: float  # the share that the recording tells

    @property
    def ratio(self) -> float:
        """How much longer a step takes when watched."""
        return self.watched / self.bare

    @property
    def processor_ratio(self) -> float:
        """How much more processor time a step takes when watched."""
        return self.watched_processor / self.bare_processor


def trained(name: str, steps: int, recording: Path | None = None) -> dict[str, float]:
    """Run a workload in a process of its own; watched, if there is a place for a recording."""
    command = [sys.executable]
    if recording is not None:
        command += ["-m", "backsight", "run", "--quiet", "--recording", str(recording)]
    command += [str(HERE / "workloads.py"), name, "--steps", str(steps)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    if not lines:
        sys.exit(f"{name} failed:\n{done.stderr}")
    figures: dict[str, float] = json.loads(lines[0])
    return figures


def slowdown(name: str, seconds: float, folder: Path) -> Slowdown:
    """Compare a workload watched for some seconds with itself."""
    step = made(name)
    for _ in range(3):
        step()
    begun, count = time.perf_counter(), 0
    while time.perf_counter() - begun < min(2.0, seconds / 4):
        step()
        count += 1
    pace = (time.perf_counter() - begun) / count
    half = max(10, round(seconds / pace / 2))
    place = folder / f"{name}.bsr"
    first = trained(name, half)
    watched = trained(name, 2 * half, place)
    second = trained(name, half)
    recording = load_recording(place)
    return Slowdown(
        name,
        (first["wall"] + second["wall"]) / (2 * half),
        watched["wall"] / (2 * half),
        (first["processor"] + second["processor"]) / (2 * half),
        watched["processor"] / (2 * half),
        watched["wall"],
        recording.meta["steps"],
        recording.meta["probed"],
        recording.meta["overhead"],
    )


def turn(step: Step, count: int) -> float:
    """Return the processor time of one step, in seconds."""
    begun = time.process_time()
    for _ in range(count):
        step()
    return (time.process_time() - begun) / count


def added(name: str, folder: Path, **options: Any) -> float:
    """Return what watching adds to one step, in seconds: the median over alternating turns.

    Not counted are the first steps of a run, in which more is measured than later.
    """
    step = made(name)
    turn(step, 20)
    count = max(3, round(TURN / max(turn(step, 5), 1e-5)))
    differences = []
    for i in range(TURNS):
        bare = turn(step, count)
        session = Session(folder / f"turn-{i}.bsr", script="step.py", sampling=Sampling(**options))
        watch_engine(session)
        watch_torch(session)
        turn(step, SETTLED)
        differences.append(turn(step, count) - bare)
        session.finish(0)
    return statistics.median(differences)


def diagnosed(folder: Path) -> tuple[float, int]:
    """Return the seconds to diagnose a recording of many steps, and how many probes it has."""
    place = folder / "long.bsr"
    trained("engine-mlp", DIAGNOSED, place)
    times = []
    for _ in range(3):
        begun = time.process_time()
        diagnose(place)
        times.append(time.process_time() - begun)
    recording = load_recording(place)
    return min(times), sum(len(recording.probes(site)) for site in recording.sites)


def report(names: list[str], seconds: float, folder: Path) -> str:
    """Measure everything and say it as Markdown."""
    lines = [
        f"{date.today()}: {platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, one thread; {seconds:g} s a workload.",
        "",
        "| " + " | ".join(COLUMNS) + " |",
        "|---" + "|---:" * (len(COLUMNS) - 1) + "|",
    ]
    for name in names:
        found = slowdown(name, seconds, folder)
        idle = added(name, folder, first=2, share=0.0)
        seen = added(name, folder, every_step=True)
        lines.append(
            f"| {name} | {1e3 * found.bare:.2f} ms | {found.ratio:.3f} "
            f"| {found.processor_ratio:.3f} | {found.observed:,} of {found.steps:,} "
            f"| {found.told:.1%} | {1e6 * idle:+.0f} µs | {1e3 * seen:+.2f} ms |"
        )
        print(lines[-1], flush=True)
    took, probes = diagnosed(folder)
    lines += ["", f"Diagnosing {DIAGNOSED:,} steps ({probes:,} probes): {took:.2f} s."]
    return "\n".join(lines)


def main() -> None:
    """Measure, print, and write if asked."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=60.0, help="of watched training (60)")
    parser.add_argument("--only", default=",".join(WORKLOADS), help="workloads, with commas")
    parser.add_argument("--write", action="store_true", help="into benchmarks/README.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        text = report(options.only.split(","), options.seconds, Path(folder))
    print("\n" + text)
    if options.write:
        page = HERE / "README.md"
        before, _, rest = page.read_text().partition(BEGIN)
        after = rest.partition(END)[2]
        page.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")


if __name__ == "__main__":
    main()
