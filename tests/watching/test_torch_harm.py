"""A watched PyTorch script does what it does unwatched, bit for bit: the do-no-harm matrix."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from backsight.traces.recording import load_recording

from .forked import PROGRAMS, bare, watched

pytestmark = pytest.mark.torch

SCRIPTS = sorted(PROGRAMS.glob("*.py"))
APART = ("ending", "compiled", "distributed", "spawned")
NAMES = [script.stem for script in SCRIPTS if script.stem not in APART]

UNSEEN = {
    "checkpoints": {
        "backward passes inside a backward pass (reentrant checkpointing)",
        "clamp whose input is packed away or stretched",
    },
    "custom": {"clamp whose input is packed away or stretched"},
    "hooks": {"clamp whose input is packed away or stretched"},
    "recurrent": {"recurrences whose way back leads through code of the script or packed values"},
    "modes": {"backward passes under a TorchDispatchMode"},
    "subclass": {"backward passes from subclasses of Tensor"},
}


@pytest.mark.parametrize("name", NAMES)
def test_it_does_the_same(name: str, tmp_path: Path) -> None:
    if name == "gym_dqn":
        pytest.importorskip("gymnasium")
    script = PROGRAMS / f"{name}.py"
    expected = bare(script, tmp_path)
    assert expected.stdout.rpartition("end ")[1], expected.stderr
    for options in ({"share": 0.0, "first": 3}, {"every_step": True}):
        found = watched(script, tmp_path, **options)
        assert found.stdout == expected.stdout
        assert found.code == expected.code
        assert "switched off" not in found.stderr
        assert found.stderr == expected.stderr  # a traceback, say, has none of our frames
    recording = load_recording(tmp_path / "run.bsr")  # of the last one, that saw every step
    assert recording.meta["source"] == "torch"
    assert recording.meta["probed"] >= 12
    missed = {event.detail for event in recording.events if event.kind == "not-observed"}
    assert missed == UNSEEN.get(name, set())


@pytest.mark.prove  # each process that is spawned loads torch anew
@pytest.mark.parametrize("name", ["distributed", "spawned"])
def test_processes_of_their_own_are_unharmed(name: str, tmp_path: Path) -> None:
    script = PROGRAMS / f"{name}.py"
    expected = bare(script, tmp_path)
    found = watched(script, tmp_path, every_step=True)
    assert expected.stdout.rpartition("end ")[1], expected.stderr
    assert (found.stdout, found.code) == (expected.stdout, expected.code)
    recording = load_recording(tmp_path / "run.bsr")
    missed = [event.detail for event in recording.events if event.kind == "not-observed"]
    told = "processes that the script started: only the first one is watched"
    assert missed == ([told] if name == "distributed" else [])


@pytest.mark.prove
def test_a_compiled_program_is_unharmed_and_reported(tmp_path: Path) -> None:
    script = PROGRAMS / "compiled.py"
    expected = bare(script, tmp_path)
    found = watched(script, tmp_path, every_step=True)
    assert (found.stdout, found.code) == (expected.stdout, 0)
    recording = load_recording(tmp_path / "run.bsr")
    missed = [str(event.detail) for event in recording.events if event.kind == "not-observed"]
    assert any(each.startswith("compiled graph") for each in missed)


FAULTS = [
    "backsight.adapters.torch.graph.walk",
    "backsight.adapters.torch.sites.clamps.clamp_figures",
    "backsight.adapters.torch.passes.norm_of",
    "backsight.adapters.torch.calls.whose_is",
    "backsight.adapters.torch.calls.insert",
]

BREAK = """
import importlib, sys
importlib.import_module("backsight.adapters.torch.probes")
module, name = {fault!r}.rsplit(".", 1)
def broken(*args, **kwargs):
    raise RuntimeError("our own bug")
assert hasattr(importlib.import_module(module), name)
for each, found in list(sys.modules.items()):
    if each.startswith("backsight.adapters.torch") and hasattr(found, name):
        setattr(found, name, broken)
"""


@pytest.mark.parametrize("fault", FAULTS)
def test_a_failure_of_ours_ends_the_watching_not_the_training(fault: str, tmp_path: Path) -> None:
    script = PROGRAMS / "dqn.py"
    expected = bare(script, tmp_path)
    found = watched(script, tmp_path, every_step=True, setup=BREAK.format(fault=fault))
    assert (found.stdout, found.code) == (expected.stdout, 0)
    line = "watching is switched off, the script goes on (RuntimeError: our own bug)"
    assert found.stderr.count(line) == 1
    assert "Traceback" not in found.stderr


def test_our_lack_of_memory_ends_the_watching_not_the_training(tmp_path: Path) -> None:
    script = PROGRAMS / "dqn.py"
    fault = BREAK.format(fault="backsight.adapters.torch.sites.clamps.clamp_figures")
    found = watched(
        script, tmp_path, every_step=True,
        setup=fault.replace('RuntimeError("our own bug")', "MemoryError"),
    )  # fmt: skip
    expected = bare(script, tmp_path)
    assert (found.stdout, found.code) == (expected.stdout, 0)
    assert found.stderr.count("switched off, the script goes on (MemoryError: )") == 1


SLOW = """
import time
from backsight.adapters.torch.passes import Pass
before = Pass.finished
def finished(self, *args):
    time.sleep(0.4)
    return before(self, *args)
Pass.finished = finished
"""


def test_where_we_are_slow_the_budget_holds(tmp_path: Path) -> None:
    """3 s are eight such steps; the one that goes beyond it is the last."""
    found = watched(PROGRAMS / "dqn.py", tmp_path, setup=SLOW)
    expected = bare(PROGRAMS / "dqn.py", tmp_path)
    assert (found.stdout, found.code) == (expected.stdout, 0)
    assert 1 <= load_recording(tmp_path / "run.bsr").meta["probed"] <= 8


def test_pytorch_is_as_it_was_when_the_watching_ends() -> None:
    import torch

    import backsight as bs

    def parts() -> list[object]:
        hooks = vars(importlib.import_module("torch.optim.optimizer"))  # torch hides the name
        return [
            torch.autograd._engine_run_backward,
            torch.autograd.backward,
            torch.autograd.grad,
            torch.Tensor.backward,
            torch.amp.GradScaler.scale,
            torch.compile,
            torch._C._len_torch_function_stack(),
            len(hooks["_global_optimizer_pre_hooks"]),
            len(hooks["_global_optimizer_post_hooks"]),
            torch.optim.Optimizer.__init__,
            torch.optim.lr_scheduler.LRScheduler.__init__,
            len(torch.nn.modules.module._global_parameter_registration_hooks),
            len(torch.nn.modules.module._global_forward_pre_hooks),
        ]

    before = parts()
    with bs.watch() as one, bs.watch(every_step=True) as two:
        w = torch.zeros(3, requires_grad=True)
        for _ in range(30):
            (w.clamp(1, 2) ** 2).sum().backward()
        assert parts() != before
    assert parts() == before
    assert one.diagnosis.observed["probed"] >= 1  # by the clock, the others may be left out
    assert two.diagnosis.observed["probed"] == 30
