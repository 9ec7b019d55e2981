"""The main job: the clipped DQN gets its finding and does not learn, the repaired one learns."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("gymnasium")
EXAMPLES = Path(__file__).parents[2] / "examples"


def watched(script: str, seed: int, folder: Path) -> tuple[dict[str, Any], float]:
    """Run an example under `backsight run`; return the diagnosis and the mean return at the end."""
    output = folder / f"{script}-{seed}.json"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "backsight", "run", "--format", "json", "-o", str(output)),
            *("--recording", str(folder / f"{script}-{seed}.bsr")),
            *(str(EXAMPLES / script), "--seed", str(seed)),
        ],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    last = re.search(r"last 20 episodes: ([\d.]+)", done.stdout)
    assert last
    return json.loads(output.read_text()), float(last[1])


def both(seed: int, folder: Path) -> tuple[tuple[dict[str, Any], float], ...]:
    with ThreadPoolExecutor(2) as pool:
        scripts = ("dqn_clipping.py", "dqn_huber.py")
        return tuple(pool.map(lambda script: watched(script, seed, folder), scripts))


def check(seed: int, folder: Path) -> tuple[float, float, float]:
    """Assert what the demo claims; return both mean returns and the blocked share."""
    (sick, clipped), (cured, huber) = both(seed, folder)
    (finding,) = sick["findings"]
    assert (finding["code"], finding["severity"]) == ("BS301", "critical")
    place = finding["location"]
    assert place["file"].endswith("examples/dqn_clipping.py")
    assert place["expression"] == "np.clip(delta, -1.0, 1.0)"
    line = (EXAMPLES / "dqn_clipping.py").read_text().splitlines()[place["line"] - 1]
    assert line[place["column"] - 1 :].startswith("np.clip(delta, -1.0, 1.0)")
    assert "huber" in finding["fix"]
    assert (cured["status"], cured["findings"]) == ("clean", [])
    assert huber >= 5 * clipped
    return clipped, huber, finding["evidence"]["blocked_share"]


def test_the_leak_is_named_and_its_repair_learns(tmp_path: Path) -> None:
    check(0, tmp_path)


@pytest.mark.prove
@pytest.mark.parametrize("seed", range(1, 5))
def test_on_more_seeds(seed: int, tmp_path: Path, record_proof: Any) -> None:
    clipped, huber, share = check(seed, tmp_path)
    record_proof(
        f"DQN, seed {seed}: mean return {clipped:.1f} clipped, {huber:.1f} Huber "
        f"({huber / clipped:.0f}×), share of the gradient blocked {share:.2f}"
    )
