"""Which expression made a node, whoever stands between it and PyTorch; and the stack of modes."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from backsight.adapters.torch import calls as modes  # noqa: E402
from backsight.adapters.torch.calls import LIBRARY, OURS, PROJECT, CallLog, whose_is  # noqa: E402
from backsight.adapters.torch.passes import placed  # noqa: E402


class Passing(torch.overrides.TorchFunctionMode):
    """A mode of the script that changes nothing."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return func(*args, **(kwargs or {}))


def raising(error: Exception) -> None:
    raise error


@pytest.fixture
def log() -> Any:
    log = CallLog(raising, lambda seconds: None)
    log.start()
    yield log
    log.stop()
    assert torch._C._len_torch_function_stack() == 0


def expression(log: CallLog, node: Any) -> str:
    where, _ = placed(log.find(node._sequence_nr()))
    return where.expression if where is not None else ""


def test_the_exact_expression_of_each_op_on_a_line(log: CallLog) -> None:
    x = torch.zeros(3, requires_grad=True)
    y = torch.clamp(x * 2, -1, 1) + x.sigmoid()
    clamped, other = (child for child, _ in y.grad_fn.next_functions)
    assert expression(log, y.grad_fn) == "torch.clamp(x * 2, -1, 1) + x.sigmoid()"
    assert expression(log, clamped) == "torch.clamp(x * 2, -1, 1)"
    assert expression(log, other) == "x.sigmoid()"
    assert expression(log, clamped.next_functions[0][0]) == "x * 2"


def test_modules_functions_and_compositions(log: CallLog) -> None:
    net = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.Hardtanh())
    y = net(torch.zeros(2, 3))
    loss = torch.nn.functional.cross_entropy(y, torch.tensor([0, 1]))
    assert expression(log, y.grad_fn) == "net(torch.zeros(2, 3))"
    inner = loss.grad_fn.next_functions[0][0]
    call = "torch.nn.functional.cross_entropy(y, torch.tensor([0, 1]))"
    assert expression(log, loss.grad_fn) == expression(log, inner) == call


def test_a_function_mode_of_the_script_is_passed_over(log: CallLog) -> None:
    x = torch.zeros(3, requires_grad=True)
    with Passing():
        y = x.clamp(0, 1)
    assert expression(log, y.grad_fn) == "x.clamp(0, 1)"


def test_what_was_not_logged_has_no_place(log: CallLog) -> None:
    x = torch.zeros(3, requires_grad=True)
    before = x.clamp(0, 1)
    log.stop()
    unlogged = x.clamp(0, 2)
    log.start()
    after = x.clamp(0, 3)
    assert expression(log, before.grad_fn) == "x.clamp(0, 1)"
    assert expression(log, unlogged.grad_fn) == ""
    assert expression(log, after.grad_fn) == "x.clamp(0, 3)"


def test_no_graph_no_entry(log: CallLog) -> None:
    with torch.no_grad():
        torch.zeros(3, requires_grad=True).clamp(0, 1)
    assert not log._starts


def test_ours_lies_below_the_modes_of_the_script_and_above_the_default_device() -> None:
    def stack() -> list[Any]:
        return [
            torch._C._get_function_stack_at(i) for i in range(torch._C._len_torch_function_stack())
        ]

    ours, theirs = Passing(), Passing()
    with theirs:
        assert modes.insert(ours)
        assert stack() == [ours, theirs]
        with torch.device("meta"):
            assert torch.zeros(1).is_meta
            modes.remove(ours)
            assert modes.insert(ours)
            assert stack()[:2] == [ours, theirs]
        assert stack() == [ours, theirs]
        modes.remove(ours)
        assert stack() == [theirs]
    with torch.device("meta"):
        assert modes.insert(ours)
    assert stack() == [ours]
    torch.set_default_device("meta")
    modes.remove(ours)
    assert modes.insert(ours)
    assert stack()[1:] == [ours]
    torch.set_default_device(None)
    assert stack() == [ours]
    modes.remove(ours)
    assert stack() == []


def test_a_default_device_that_is_set_aside_keeps_its_place() -> None:
    mode = Passing()
    torch.set_default_device("cpu")
    try:
        with torch.overrides._pop_mode_temporarily():
            assert not modes.insert(mode)
        assert modes.insert(mode)
        modes.remove(mode)
    finally:
        torch.set_default_device(None)
    assert torch._C._len_torch_function_stack() == 0


def test_whose_a_file_is() -> None:
    import json

    import numpy

    assert whose_is(torch.nn.modules.linear.__file__) == OURS
    assert whose_is(modes.__file__) == OURS
    assert whose_is(numpy.__file__) == LIBRARY
    assert whose_is(json.__file__) == LIBRARY
    assert whose_is(__file__) == PROJECT
    assert whose_is("<stdin>") == PROJECT
