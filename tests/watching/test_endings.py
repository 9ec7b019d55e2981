"""However a PyTorch run ends, its exit code is kept, and its recording can be diagnosed."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from .forked import watched

pytestmark = [pytest.mark.torch, pytest.mark.skipif(sys.platform == "win32", reason="signals")]

TRAINING = """
import atexit, ctypes, os, signal, sys, threading, time
import torch

torch.manual_seed(0)
w = torch.zeros(4, 1, requires_grad=True)
x, y = torch.randn(64, 4), torch.randn(64, 1) * 10
opt = torch.optim.SGD([w], 0.05)


def train(steps):
    for _ in range(steps):
        loss = ((x @ w - y).clamp(-1, 1) ** 2).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()


def for_long():
    end = time.monotonic() + 60
    while time.monotonic() < end:
        train(1)
        time.sleep(0.005)


def later(action, *arguments):
    timer = threading.Timer(1.0, action, arguments)
    timer.daemon = True
    timer.start()


train(40)
"""

# What the script does after it has trained, the code with which Python would end, and whether what
# was seen is in the file to the last step; what is killed leaves what was written by then.
ENDINGS = {
    "end": ("", 0, True),
    "exception": ("1 / 0", 1, True),
    "exit 3": ("sys.exit(3)", 3, True),
    "exit with a text": ("sys.exit('no')", 1, True),
    "os._exit": ("os._exit(4)", 4, False),
    "abort": ("os.abort()", -signal.SIGABRT, False),
    "segmentation fault": ("ctypes.string_at(0)", -signal.SIGSEGV, False),
    "kill -9": ("os.kill(os.getpid(), 9)", -signal.SIGKILL, False),
    "SIGTERM": ("later(os.kill, os.getpid(), 15); for_long()", -signal.SIGTERM, True),
    "SIGINT": ("later(os.kill, os.getpid(), 2); for_long()", 130, True),
    "daemon thread": (
        "threading.Thread(target=for_long, daemon=True).start(); time.sleep(0.5)",
        0,
        True,
    ),
    "recursion": ("def f(): f()\nf()", 1, True),
    "in a hook": ("w.register_hook(lambda g: sys.exit(5))\ntrain(1)", 5, True),
    "KeyboardInterrupt in a hook": (
        "w.register_hook(lambda g: signal.raise_signal(2))\ntrain(1)",
        130,
        True,
    ),
}


LONG = ("os._exit", "abort", "segmentation fault")  # they wait for what is written


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.prove) if n in LONG else n for n in ENDINGS]
)
def test_the_exit_code_is_kept_and_there_is_a_diagnosis(name: str, tmp_path: Path) -> None:
    from backsight.diagnosis import diagnose

    text, code, whole = ENDINGS[name]
    if not whole:
        text = f"time.sleep(4.5); train(1)\n{text}"  # what is older has been written
    script = tmp_path / "train.py"
    script.write_text(f"{TRAINING}{text}\n")
    assert watched(script, tmp_path, every_step=True).code == code
    found = diagnose(tmp_path / "run.bsr")
    assert [finding.code for finding in found.findings] == ["BS301"]
    assert found.observed["probed"] >= 40
    if whole and code >= 0:
        assert found.script_exit_code == code
    assert found.ended == whole


def test_an_interrupt_inside_our_own_code_reaches_the_script(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(
        f"{TRAINING}try:\n    train(5)\nexcept KeyboardInterrupt:\n    print('mine')\n"
    )
    interrupt = """
from backsight.adapters.torch.passes import Pass
before, count = Pass.finished, 0
def finished(self, *args):
    global count
    count += 1
    if count == 43:
        raise KeyboardInterrupt
    return before(self, *args)
Pass.finished = finished
"""
    found = watched(script, tmp_path, every_step=True, setup=interrupt)
    assert (found.stdout, found.code) == ("mine\n", 0)
    assert "switched off" not in found.stderr
