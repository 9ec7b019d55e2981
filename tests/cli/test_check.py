"""`backsight check`: files with right and wrong pairs, exit codes, JSON, and clear errors."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

LAYERS = '''
import numpy as np
print("loading")

def affine_forward(x, w, b):
    """x (N, D), w (D, M), b (M,)."""
    return x @ w + b, (x, w)

def affine_backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, {db}

def relu_forward(x):
    """x (N, D)."""
    return np.maximum(0, x), x

def relu_backward(dout, x):
    return dout * (x > 0)

def scale_forward(x, factor):
    return x * factor, factor

def scale_backward(dout, factor):
    return (dout * factor,)

def scale_inputs():
    return np.ones((2, 3)), 4
'''


def run(folder: Path, *arguments: str, source: str = LAYERS) -> Any:
    (folder / "layers.py").write_text(source)
    return subprocess.run(
        [sys.executable, "-m", "backsight", "check", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
    )


def test_right_pairs_pass(tmp_path: Path) -> None:
    done = run(tmp_path, "layers.py", source=LAYERS.replace("{db}", "dout.sum(axis=0)"))
    assert done.returncode == 0, done.stderr
    assert "All gradients are right." in done.stdout
    assert "loading" in done.stderr
    assert "loading" not in done.stdout


def test_a_wrong_gradient_is_named_and_sets_the_exit_code(tmp_path: Path) -> None:
    done = run(tmp_path, "layers.py", "--format", "json", source=LAYERS.replace("{db}", "dout"))
    assert done.returncode == 1
    data = json.loads(done.stdout)
    wrong = [each for each in data["results"] if each["verdict"] == "wrong"]
    assert [(e["function"], e["argument"], e["slip"]) for e in wrong] == [
        ("affine", "b", "unsummed-broadcast")
    ]
    one = run(tmp_path, "layers.py", "relu", source=LAYERS.replace("{db}", "dout"))
    assert one.returncode == 0


def test_output_goes_to_a_file(tmp_path: Path) -> None:
    source = LAYERS.replace("{db}", "dout")
    done = run(tmp_path, "layers.py", "-o", "check.txt", source=source)
    assert done.stdout == ""
    assert "unsummed-broadcast" in (tmp_path / "check.txt").read_text()


@pytest.mark.parametrize(
    ("source", "arguments", "words"),
    [
        ("def f(:\n", (), "layers.py:1: invalid syntax"),
        ("1 / 0\n", (), "it cannot be loaded: ZeroDivisionError"),
        ("x = 1\n", (), "no pair of functions named"),
        ("def a_forward(x):\n    return x\n", (), "a_forward has no a_backward"),
        (LAYERS.replace("{db}", "dout"), ("soft",), "there is no pair soft_forward"),
        (
            "def a_forward(x, w):\n    'x (N, D)'\n    return x\ndef a_backward(dout, x): pass\n",
            (),
            "the shape of w is not known",
        ),
    ],
)
def test_bad_files_are_one_clear_error(
    source: str, arguments: tuple[str, ...], words: str, tmp_path: Path
) -> None:
    done = run(tmp_path, "layers.py", *arguments, source=source)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
