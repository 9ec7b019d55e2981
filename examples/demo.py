"""`make demo`: the leaking DQN and its repair, trained side by side under `backsight run`.

python examples/demo.py --seed 1
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from rich.console import Console
from rich.panel import Panel
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

HERE = Path(__file__).parent
SCRIPTS = ("dqn_clipping.py", "dqn_huber.py")
STEP = re.compile(r"step +(\d+) +mean return of the last 20 episodes +([\d.]+|nan)")


class Run:
    """One script under `backsight run`, and what it says while it trains."""

    def __init__(self, script: str, options: argparse.Namespace, folder: Path) -> None:
        self.script = script
        self.output = folder / f"{script}.json"
        self.mean_return = 0.0
        self.said = ""
        command = [sys.executable, "-m", "backsight", "run", "--format", "json"]
        command += ["--output", str(self.output)]
        command += ["--recording", str(Path("backsight") / Path(script).with_suffix(".bsr"))]
        command += [str(HERE / script), "--seed", str(options.seed), "--steps", str(options.steps)]
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )

    def follow(self, progress: Progress, task: TaskID) -> None:
        """Move the bar as the script prints, until it ends."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if found := STEP.match(line):
                self.mean_return = float(found[2])
                progress.update(task, completed=int(found[1]), reached=f"{self.mean_return:5.1f}")
        assert self.process.stderr is not None
        self.said = self.process.stderr.read()
        self.process.wait()

    def diagnosis(self) -> dict:
        """Return what Backsight found. Ends the demo with the script's own words if it failed."""
        if self.process.returncode != 0 or not self.output.exists():
            sys.exit(f"{self.script} failed:\n{self.said}")
        return json.loads(self.output.read_text())


def main() -> None:
    """Train both, show the diagnosis of the first, and compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=30_000)
    options = parser.parse_args()
    console = Console()
    console.print(
        "Two DQNs on CartPole, alike but for one expression, trained under "
        "[bold]backsight run[/bold]:\n"
    )
    columns = (
        TextColumn("{task.description:16s}"),
        BarColumn(),
        TextColumn("{task.completed:>6.0f} steps   mean return {task.fields[reached]}"),
        TimeElapsedColumn(),
    )
    with tempfile.TemporaryDirectory() as folder, Progress(*columns, console=console) as progress:
        runs = [Run(script, options, Path(folder)) for script in SCRIPTS]
        followers = []
        for run in runs:
            task = progress.add_task(run.script, total=options.steps, reached="  –  ")
            followers.append(threading.Thread(target=run.follow, args=(progress, task)))
            followers[-1].start()
        for follower in followers:
            follower.join()
        diagnoses = [run.diagnosis() for run in runs]

    for run in runs:
        recording = str(Path("backsight") / Path(run.script).with_suffix(".bsr"))
        console.print(f"\n[dim]$ backsight diagnose {recording}[/dim]")
        sys.stdout.flush()
        subprocess.run([sys.executable, "-m", "backsight", "diagnose", recording], check=True)

    table = Table(title="\nSide by side", title_justify="left")
    for head in ("", *SCRIPTS):
        table.add_column(head)
    returns = [f"{run.mean_return:.1f}" for run in runs]
    codes = [", ".join(f["code"] for f in each["findings"]) or "no finding" for each in diagnoses]
    table.add_row("loss of the TD error δ", "mean(clip(δ, −1, 1)²)", "mean(huber(δ, delta=1))")
    table.add_row("mean return, last 20 episodes", *returns)
    table.add_row("Backsight says", *codes)
    console.print(table)
    clipped, huber = (run.mean_return for run in runs)
    console.print(
        Panel(
            f"The repair returns {huber / clipped:.0f} times as much. An error beyond ±1 had no "
            "gradient through the clip: the falls, whose errors are largest, taught nothing.\n"
            "The recordings are in ./backsight; read one again with "
            "[bold].venv/bin/backsight diagnose backsight/dqn_clipping.bsr[/bold]",
            title="What happened",
        )
    )


if __name__ == "__main__":
    main()
