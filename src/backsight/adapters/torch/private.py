"""The private parts of PyTorch that watching rests on, and whether they do as expected.

None of this is API, so each is tried once, at start-up. What is missing costs its own feature only,
and is said in one line.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable

import torch

OLDEST = (2, 6)

ENTRY = "backward passes"
LINES = "source lines"
VALUES = "values of clamps"
UPDATES = "optimizer updates"
CONSTRUCTION = "construction places"

COST = {
    ENTRY: "no step of PyTorch can be observed",
    LINES: "findings have no source lines",
    VALUES: "clamps cannot be judged",
    UPDATES: "learning rates are not known",
    CONSTRUCTION: "findings about initial values and learning rates may lack their line",
}


def missing() -> dict[str, str]:
    """Return the features that this PyTorch does not allow, each with the reason."""
    found = {}
    with torch._C.DisableTorchFunction():  # modes of the script must not see our trials
        for feature, trial in TRIALS.items():
            try:
                trial()
            except Exception as error:
                found[feature] = f"{type(error).__name__}: {error}".partition("\n")[0]
    return found


def told(found: dict[str, str]) -> str:
    """Say in one line what is missing and what it costs."""
    costs = "; ".join(f"{COST[feature]} ({reason})" for feature, reason in found.items())
    return f"PyTorch {torch.__version__} lacks what Backsight builds on: {costs}"


def _entry() -> None:
    version = tuple(int(part) for part in re.findall(r"\d+", torch.__version__)[:2])
    if version < OLDEST:
        raise RuntimeError(f"PyTorch {'.'.join(map(str, OLDEST))} or newer is needed")
    _callable(torch.autograd._engine_run_backward)
    _callable(torch._C._current_graph_task_id)
    _callable(torch._C._len_torch_dispatch_stack)
    _callable(torch._C._len_torch_function_stack)
    _callable(torch._C._functorch.is_functorch_wrapped_tensor)
    _callable(torch._C._functorch.peek_interpreter_stack)
    node = _node()
    assert node.next_functions[0][0].name() == "MulBackward0"
    assert tuple(node._input_metadata[0].shape) == (2,)
    node.register_hook(lambda *_: None).remove()


def _lines() -> None:
    for name in ("_push_on", "_pop"):
        _callable(getattr(torch._C, f"{name}_torch_function_stack"))
    getattr(torch._GLOBAL_DEVICE_CONTEXT, "device_context", None)
    _callable(torch.nn.modules.module.register_module_forward_pre_hook)
    _callable(torch.nn.modules.module.register_module_forward_hook)
    before = torch.autograd._get_sequence_nr()
    node = _node()
    after = torch.autograd._get_sequence_nr()
    if not before <= node._sequence_nr() < after:
        raise RuntimeError("operations are not numbered in order")


def _values() -> None:
    node = _node()
    if node._raw_saved_self.unpack_hook is not None:
        raise RuntimeError("saved values are not plain")
    assert (node._saved_min, node._saved_max) == (-1.0, 1.0)
    assert node._saved_self.shape == (2,)


def _updates() -> None:
    hooks = importlib.import_module("torch.optim.optimizer")
    _callable(hooks.register_optimizer_step_pre_hook)
    _callable(hooks.register_optimizer_step_post_hook)


def _construction() -> None:
    register = torch.nn.modules.module.register_module_parameter_registration_hook
    register(lambda *_: None).remove()
    for owner in (torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler):
        _callable(owner.__dict__["__init__"])


def _node() -> torch.autograd.graph.Node:
    with torch.enable_grad():
        leaf = torch.zeros(2, device="cpu", requires_grad=True)
        node = (leaf * 2.0).clamp(-1.0, 1.0).grad_fn
    assert node is not None
    return node


def _callable(found: object) -> None:
    if not callable(found):
        raise TypeError(f"{found!r} cannot be called")


TRIALS: dict[str, Callable[[], None]] = {
    ENTRY: _entry,
    LINES: _lines,
    VALUES: _values,
    UPDATES: _updates,
    CONSTRUCTION: _construction,
}
