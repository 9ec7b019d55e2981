"""Run scripts bare and watched, in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

TRAINING = """
import numpy as np
import backsight as bs

rng = np.random.default_rng(3)
x, y = rng.normal(size=(64, 4)), rng.normal(size=(64, 1)) * 10
w = bs.tensor(rng.normal(size=(4, 1)), name="w")


def loss_of(w):
    delta = x @ w - y
    return np.mean(np.clip(delta, -1.0, 1.0) ** 2)


def train(steps):
    for step in range(steps):
        loss = loss_of(w)
        w.grad = None
        loss.backward()
        w.value -= 0.1 * w.grad
    return loss
"""


def python(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the interpreter in a folder."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | {"COLUMNS": "88", "PYTHONIOENCODING": "utf-8"} | variables,
        check=False,
    )


def backsight(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a folder."""
    return python(folder, "-m", "backsight", *arguments, **variables)
