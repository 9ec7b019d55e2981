"""Memory and file of a run of 1,000,000 steps: `python benchmarks/long_run.py`.

    python benchmarks/long_run.py engine                # a tiny network, bare and watched
    python benchmarks/long_run.py sites --sites 200     # a large model, its observations made up

`engine` trains for real, once bare and once watched at default settings, in processes of their own;
what watching adds is the difference. `sites` hands a session what a step of PyTorch would, so that
the writer and the session are seen at work with many sites and units, without hours of training.
Each line tells the resident memory of the process and the size of the recording by then, and the
processor time of a step so far.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from backsight.traces.recording import Observation, Site
from backsight.watching import Sampling, Session
from backsight.watching.engine import watch_engine

STEPS = 1_000_000
LARGEST = 64 * 2**20
UNITS = 256
OBSERVED = 100  # every so many steps of those made up, whatever that costs


def checkpoints(steps: int) -> Iterator[int]:
    """Go through 10,000, 20,000, 50,000, 100,000, … up to the end."""
    mark = 10_000
    while mark < steps:
        for factor in (1, 2, 5):
            if mark * factor < steps:
                yield mark * factor
        mark *= 10
    yield steps


def resident() -> float:
    """Return the resident memory of this process, in MiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def size(folder: Path) -> float:
    """Return the size of a recording with the logs beside it, in MiB."""
    return sum(file.stat().st_size for file in folder.iterdir()) / 2**20


def run(steps: int, step: Callable[[], None], folder: Path) -> None:
    """Run steps, and print memory and size at the checkpoints."""
    begun, done = time.process_time(), 0
    for mark in checkpoints(steps):
        while done < mark:
            step()
            done += 1
        took = 1e6 * (time.process_time() - begun) / done
        print(
            f"{mark:>9,}  {resident():7.1f} MiB  {size(folder):6.2f} MiB  {took:6.0f} µs",
            flush=True,
        )


def tiny() -> Callable[[], None]:
    """Return a training step of a network of 4-8-1 in Backsight's engine."""
    import backsight as bs
    from backsight.nn import Linear, Sequential, Tanh, optim

    rng = np.random.default_rng(0)
    model = Sequential(Linear(4, 8, rng), Tanh(), Linear(8, 1, rng))
    optimizer = optim.SGD(model, lr=1e-3)
    x = rng.standard_normal((16, 4)).astype(np.float32)
    y = np.sum(x, axis=1, keepdims=True)

    def step() -> None:
        loss = np.mean(bs.squared_error(model(x), y))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def made_up(session: Session, sites: int) -> Callable[[], None]:
    """Return a step whose observation has many sites, each with figures and units."""
    rng = np.random.default_rng(0)
    numbers = [
        session.site(Site("relu", "activation", ordinal=i, attributes={"units": UNITS}))
        for i in range(sites)
    ]

    count = 0

    def step() -> None:
        nonlocal count
        count += 1
        due = count <= 20 or count % OBSERVED == 0
        number = session.step(float(rng.random()), "made up", due)
        if number:
            noise = float(rng.random())
            figures = {site: {f"figure{i}": noise + i for i in range(8)} for site in numbers}
            units = dict.fromkeys(numbers, (64, rng.integers(0, 64, UNITS)))
            session.observed(number, Observation(figures, noise, (), units))
        session.learning_rate(1e-3, float(rng.random()))

    return step


def main() -> None:
    """Run one of the two."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=["engine", "engine-bare", "engine-watched", "sites"])
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--sites", type=int, default=200)
    options = parser.parse_args()
    if options.what == "engine":
        for side in ("engine-bare", "engine-watched"):
            print(side)
            command = [sys.executable, __file__, side, "--steps", str(options.steps)]
            subprocess.run(command, check=True)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.what == "engine-bare":
            run(options.steps, tiny(), folder)
            return
        session = Session(folder / "long.bsr", script="long_run.py", sampling=Sampling())
        if options.what == "sites":
            run(options.steps, made_up(session, options.sites), folder)
        else:
            watch_engine(session)
            run(options.steps, tiny(), folder)
        session.finish(0)
        print(f"finished: {size(folder):.2f} MiB; {session.observed_so_far()}")
        if session.failure or size(folder) * 2**20 > LARGEST:
            sys.exit(f"too large, or failed: {session.failure}")


if __name__ == "__main__":
    main()
