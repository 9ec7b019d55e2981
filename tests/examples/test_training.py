"""The examples that train: what they reach, and that nothing is found wrong with them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("sklearn")
EXAMPLES = Path(__file__).parents[2] / "examples"
NUMBER = re.compile(r"(?:accuracy|right:|character:) ([\d.]+)")


def run(script: str, *options: str, watch: Path | None = None) -> tuple[float, str]:
    """Run an example; return the number of its last line, and all it printed."""
    command = [str(EXAMPLES / script), *options]
    if watch is not None:
        to_json = ("--format", "json", "-o", str(watch), "--recording", f"{watch}.bsr")
        command = ["-m", "backsight", "run", *to_json, *command]
    done = subprocess.run(
        [sys.executable, *command],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "error"},
    )
    found = NUMBER.search(done.stdout.splitlines()[-1])
    assert found, done.stdout
    return float(found[1]), done.stdout


def test_digits_mlp_reaches_97_percent() -> None:
    assert run("digits_mlp.py")[0] >= 97


def test_digits_cnn_learns() -> None:
    assert run("digits_cnn.py", "--epochs", "4")[0] >= 95


def test_reverse_transformer_writes_words() -> None:
    share, printed = run("reverse_transformer.py", "--steps", "20")
    assert 0 <= share <= 100
    assert printed.count("→") == 3


def test_char_lstm_writes_samples() -> None:
    bits, printed = run("char_lstm.py", "--steps", "15")
    assert bits < 6.6  # below the log2 of its hundred characters
    assert printed.count("── after") == 3


@pytest.mark.prove
@pytest.mark.parametrize(
    ("script", "bound"),
    [
        ("digits_mlp.py", 97.0),
        ("digits_cnn.py", 98.0),
        ("reverse_transformer.py", 90.0),
        ("char_lstm.py", None),
    ],
)
def test_reaches_its_aim_over_three_seeds_and_nothing_is_found(
    script: str, bound: float | None, tmp_path: Path, record_proof: Callable[[str], None]
) -> None:
    reached, seconds = [], []
    for seed in ("0", "1", "2"):
        begun = time.perf_counter()
        reached.append(run(script, "--seed", seed)[0])
        seconds.append(time.perf_counter() - begun)
        watched = tmp_path / f"{seed}.json"
        assert run(script, "--seed", seed, watch=watched)[0] == reached[-1]
        diagnosis = json.loads(watched.read_text())
        assert (diagnosis["status"], diagnosis["findings"]) == ("clean", [])
    assert all(each >= bound if bound is not None else each < 2.5 for each in reached)
    unit = "%" if bound is not None else " bits a character"
    numbers = ", ".join(f"{each:g}{unit}" for each in reached)
    record_proof(f"{script}: {numbers} over seeds 0–2; {max(seconds):.0f} s at most, unwatched")
