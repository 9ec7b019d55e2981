"""A PyTorch that lacks one of the names we build on: features are lost one by one, no script is.

Each name is deleted before the watching begins, from a PyTorch that is otherwise as it was. A
script that PyTorch itself cannot run then must fail in the same way when it is watched.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from backsight.diagnosis import diagnose

from .forked import bare, watched

pytestmark = pytest.mark.torch

DELETING = """
import functools, sys
import torch, torch.optim.optimizer
owner = sys.modules.get({path!r}) or functools.reduce(getattr, {path!r}.split(".")[1:], torch)
if {name!r} in vars(owner):
    delattr(owner, {name!r})
"""

# What was loaded in the process that forks has looked its names up already.
AFRESH = """
for each in [each for each in sys.modules if each.startswith("backsight.adapters.torch")]:
    del sys.modules[each]
    owner, _, last = each.rpartition(".")
    if owner in sys.modules and last in vars(sys.modules[owner]):
        delattr(sys.modules[owner], last)
"""

TRAINING = """
torch.manual_seed(0)
net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1))
opt = torch.optim.Adam(net.parameters(), 1e-3)
x, y = torch.randn(64, 4), torch.randn(64, 1) * 10
for _ in range(20):
    loss = ((net(x) - y).clamp(-1, 1) ** 2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
print([p.tolist() for p in net.parameters()], torch.rand(1).item())
"""

ENTRY = "no step of PyTorch can be observed"
LINES = "findings have no source lines"
UPDATES = "learning rates are not known"
PLACES = "findings about initial values and learning rates may lack their line"
OFF = "watching is switched off"

LOST = {
    "autograd._engine_run_backward": ENTRY,
    "_C._current_graph_task_id": ENTRY,
    "_C._len_torch_dispatch_stack": ENTRY,
    "_C._functorch.peek_interpreter_stack": OFF,
    "_C._functorch.is_functorch_wrapped_tensor": ENTRY,
    "_C._get_tracing_state": OFF,
    "_C._len_torch_function_stack": ENTRY,
    "_C._pop_torch_function_stack": LINES,
    "_C._push_on_torch_function_stack": LINES,
    "_C._functions.AccumulateGrad": OFF,
    "_C.DisableTorchFunction": OFF,
    "_GLOBAL_DEVICE_CONTEXT": LINES,
    "_foreach_norm": OFF,
    "autograd._get_sequence_nr": LINES,
    "nn.modules.batchnorm._BatchNorm": OFF,
    "nn.modules.dropout._DropoutNd": OFF,
    "nn.modules.module.register_module_forward_pre_hook": LINES,
    "nn.modules.module.register_module_forward_hook": LINES,
    "nn.modules.module.register_module_parameter_registration_hook": PLACES,
    "optim.optimizer.register_optimizer_step_pre_hook": UPDATES,
    "optim.optimizer.register_optimizer_step_post_hook": UPDATES,
}


@pytest.mark.parametrize("removed", LOST)
def test_what_is_lost_is_told_in_one_line_and_nobody_is_harmed(
    removed: str, tmp_path: Path
) -> None:
    path, _, name = f"torch.{removed}".rpartition(".")
    deleting = DELETING.format(path=path, name=name)
    script = tmp_path / "train.py"
    script.write_text(deleting + TRAINING)
    expected = bare(script, tmp_path)
    found = watched(script, tmp_path, every_step=True, setup=deleting + AFRESH)
    assert (found.stdout, found.code) == (expected.stdout, expected.code)
    ours = [line for line in found.stderr.splitlines() if line.startswith("backsight:")]
    theirs = [line for line in found.stderr.splitlines() if not line.startswith("backsight:")]
    assert theirs == expected.stderr.splitlines()
    assert len(ours) == 1
    assert LOST[removed] in ours[0]
    if LOST[removed] in (LINES, UPDATES, PLACES) and expected.code == 0:
        diagnosis = diagnose(tmp_path / "run.bsr")
        assert diagnosis.observed["probed"] == 20
        (clip,) = [each for each in diagnosis.findings if each.code == "BS301"]
        assert (clip.location is None) == (LOST[removed] == LINES)
