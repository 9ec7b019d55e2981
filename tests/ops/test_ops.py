"""What every op must do, from its rows in the sample table.

1  the gradient agrees with central differences in float64
2  the forward run on Tensors, differentiated piece by piece, gives the backward's gradient
3  second derivatives agree with differences of the gradient
4  gradients have exactly the shape and dtype of their argument; nothing given is modified
5  every set of wanted inputs gives the gradients of the full set
6  float32 and float16 stay what they are, forward and backward
7  values, gradients and conventions agree with PyTorch
8  a foreign array type is never left, forward or backward
9  the NumPy calls of a step, written down and replayed on other numbers, are the engine
10 every op has a row, obeys the dialect, and validates
"""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import numpy as np
import pytest

from backsight.engine.functions import vjp
from backsight.engine.tape import aligned, gradients
from backsight.engine.tensors import Tensor, tensor
from backsight.ops.protocol import OPS

from .dialect import WRITERS, complaints
from .foreign import Foreign, logged, mapped, replayed, strict
from .sample import Sample
from .table import SAMPLES

OURS = {name: op for name, op in OPS.items() if op.__module__.startswith("backsight.ops")}


def given(sample: Sample) -> list[Any]:
    """The inputs that are there."""
    return [x for x in sample.inputs if x is not None]


SMOOTH = [s for s in SAMPLES if not s.kinks and all(np.all(np.isfinite(x)) for x in given(s))]


def call(sample: Sample, inputs: Any) -> Any:
    return OPS[sample.op](*inputs, **sample.attributes)


def outputs(result: Any) -> list[Any]:
    return list(result) if isinstance(result, tuple) else [result]


def tensors(sample: Sample, dtype: Any = np.float64) -> list[Any]:
    return [None if x is None else tensor(np.asarray(x, dtype)) for x in sample.inputs]


def upstream(value: Any, seed: int = 7) -> Any:
    """A fixed random upstream gradient for a value."""
    r = np.random.default_rng((seed, *value.shape))
    return np.asarray(r.standard_normal(value.shape), value.dtype)


def engine_gradients(
    sample: Sample, dtype: Any = np.float64
) -> tuple[list[Any], list[Any], list[Any]]:
    """Return inputs, values of the outputs, and the gradients by the engine."""
    inputs = tensors(sample, dtype)
    outs = [o for o in outputs(call(sample, inputs)) if isinstance(o, Tensor)]
    wrt = [x for x in inputs if x is not None]
    found = gradients(outs, wrt, [upstream(o._value) for o in outs], retain_graph=True)
    return (
        inputs,
        outs,
        [np.zeros_like(x._value) if g is None else g for x, g in zip(wrt, found, strict=True)],
    )


def weighed(sample: Sample, arrays: list[Any]) -> float:
    """The number that the gradients of `engine_gradients` belong to."""
    total = 0.0
    for out in outputs(call(sample, arrays)):
        total += float(np.sum(np.asarray(out) * upstream(np.asarray(out))))
    return total


def differences(function: Any, arrays: list[Any], which: int, h: float = 1e-6) -> tuple[Any, float]:
    """Central differences of a number by one array, and how much round-off is in them."""
    x = np.array(arrays[which], dtype=np.float64)
    slope = np.zeros_like(x)
    noise = 0.0
    for index in np.ndindex(x.shape):
        step = h * max(1.0, abs(float(x[index])))
        values = []
        for sign in (1, -1):
            moved = x.copy()
            moved[index] += sign * step
            values.append(function([*arrays[:which], moved, *arrays[which + 1 :]]))
        slope[index] = (values[0] - values[1]) / (2 * step)
        noise = max(noise, 4e-15 * max(map(abs, values)) / step)
    return slope, noise


def close(ours: Any, truth: Any, relative: float, noise: float = 0.0) -> None:
    size = max(1.0, float(np.max(np.abs(truth), initial=0.0, where=np.isfinite(truth))))
    np.testing.assert_allclose(ours, truth, rtol=relative, atol=relative * size + noise)


@pytest.mark.parametrize("sample", SMOOTH, ids=str)
def test_gradient_agrees_with_differences(sample: Sample) -> None:
    _, _, found = engine_gradients(sample)
    places = [i for i, x in enumerate(sample.inputs) if x is not None]
    for place, gradient in zip(places, found, strict=True):
        truth, noise = differences(lambda a: weighed(sample, a), list(sample.inputs), place)
        close(gradient, truth, 2e-7, noise)


@pytest.mark.parametrize("sample", [s for s in SMOOTH if s.op not in WRITERS], ids=str)
def test_forward_on_tensors_gives_the_same_gradient(sample: Sample) -> None:
    op = OPS[sample.op]
    inputs = tensors(sample)
    result = op.forward(*inputs, **sample.attributes)
    outs = [o for o in outputs(result) if isinstance(o, Tensor)]
    if all(o.op is op for o in outs):
        pytest.skip("a primitive: its forward is one NumPy call, which is this very op")
    wrt = [x for x in inputs if x is not None]
    pieces = gradients(outs, wrt, [upstream(o._value) for o in outs])
    _, _, whole = engine_gradients(sample)
    for x, a, b in zip(wrt, pieces, whole, strict=True):
        close(np.zeros_like(x._value) if a is None else a, b, 1e-11)


@pytest.mark.parametrize("sample", SMOOTH, ids=str)
def test_second_derivative_agrees_with_differences(sample: Sample) -> None:
    places = [i for i, x in enumerate(sample.inputs) if x is not None]
    directions = {
        i: np.random.default_rng(i).standard_normal(np.shape(sample.inputs[i])) for i in places
    }

    def slope(arrays: list[Any]) -> Any:
        """The gradient's component along the directions: a number, or a Tensor on Tensors."""
        given = [a if a is None or isinstance(a, Tensor) else tensor(a) for a in arrays]
        outs = [o for o in outputs(call(sample, given)) if isinstance(o, Tensor)]
        # The square makes the upstream gradient depend on the inputs, too.
        douts = [Tensor(upstream(o._value)) * o for o in outs]
        found = gradients(outs, [given[i] for i in places], douts, create_graph=True)
        total: Any = 0.0
        for i, g in zip(places, found, strict=True):
            if g is not None:
                total = total + np.sum(g * directions[i])
        return total

    leaves = [None if x is None else tensor(x) for x in sample.inputs]
    total = slope(leaves)
    wrt = [leaves[i] for i in places]
    if isinstance(total, Tensor) and total.wanted:
        found = gradients([total], wrt, [np.ones_like(total._value)])
    else:
        found = [None] * len(wrt)
    for i, g in zip(places, found, strict=True):
        truth, noise = differences(
            lambda a: float(getattr(slope(a), "_value", 0.0)), list(sample.inputs), i, h=1e-5
        )
        close(np.zeros(np.shape(sample.inputs[i])) if g is None else g, truth, 1e-5, noise)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16], ids=lambda d: d.__name__)
@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_contract_shape_dtype_and_nothing_modified(sample: Sample, dtype: Any) -> None:
    """The raw gradient that a body returns, before the walk un-broadcasts and casts."""
    if dtype == np.float16 and not sample.half:
        pytest.skip("these numbers do not fit float16")
    attributes = {
        name: value.astype(dtype)
        if isinstance(value, np.ndarray) and value.dtype.kind == "f"
        else value
        for name, value in sample.attributes.items()
    }
    sample = dataclasses.replace(sample, attributes=attributes)
    inputs = tensors(sample, dtype)
    before = [None if x is None else np.array(x._value) for x in inputs]
    outs = outputs(call(sample, inputs))
    for out in outs:
        assert not isinstance(out, Tensor) or out.dtype == sample.attributes.get("dtype", dtype)
    node = outs[0]
    if not isinstance(node, Tensor):
        return
    if len(OPS[sample.op].outputs) > 1:
        (node,) = node.inputs
        dout: Any = [upstream(np.asarray(v)) for v in node._value]
    else:
        dout = upstream(np.asarray(node._value))[()]
    given = np.array(dout)
    raw = aligned(node, node.op.pulls[node.wanted](node, dout))
    assert np.array_equal(given, np.array(dout), equal_nan=True), (
        "the upstream gradient was modified"
    )
    for x, was, dx in zip(inputs, before, raw, strict=True):
        if x is None:
            continue
        assert np.array_equal(was, x._value, equal_nan=True), "an input was modified"
        if x.wanted:
            assert dx.dtype == dtype or sample.op == "astype", (
                f"gradient is {dx.dtype}, the input {dtype}"
            )
            assert np.broadcast_shapes(dx.shape, x.shape) == dx.shape


@pytest.mark.parametrize("sample", [s for s in SAMPLES if len(given(s)) > 1], ids=str)
def test_every_set_of_wanted_inputs(sample: Sample) -> None:
    _, _, full = engine_gradients(sample)
    places = [i for i, x in enumerate(sample.inputs) if x is not None]
    for count in range(1, len(places)):
        for wanted in itertools.combinations(range(len(places)), count):
            inputs: list[Any] = list(sample.inputs)
            for k in wanted:
                inputs[places[k]] = tensor(inputs[places[k]])
            outs = outputs(call(sample, inputs))
            wrt = [inputs[places[k]] for k in wanted]
            found = gradients(outs, wrt, [upstream(o._value) for o in outs])
            for k, g in zip(wanted, found, strict=True):
                np.testing.assert_array_equal(np.zeros_like(full[k]) if g is None else g, full[k])


@pytest.mark.torch
@pytest.mark.parametrize("sample", [s for s in SAMPLES if s.torch is not None], ids=str)
def test_agrees_with_pytorch(sample: Sample) -> None:
    torch = pytest.importorskip("torch")
    _, outs, found = engine_gradients(sample)
    theirs = [
        None if x is None else torch.tensor(np.asarray(x, np.float64), requires_grad=True)
        for x in sample.inputs
    ]
    assert sample.torch is not None
    expected = outputs(sample.torch(*theirs))
    for ours, truth in zip(outs, expected, strict=True):
        assert ours.shape == tuple(truth.shape)
        close(ours._value, truth.detach().numpy(), sample.tolerance)
    leaves = [x for x in theirs if x is not None]
    truths = torch.autograd.grad(
        expected, leaves, [torch.tensor(upstream(o._value)) for o in outs], allow_unused=True
    )
    for gradient, truth in zip(found, truths, strict=True):
        wanted = np.zeros_like(gradient) if truth is None else truth.numpy()
        assert gradient.shape == wanted.shape
        close(gradient, wanted, sample.tolerance)


def on_device(
    sample: Sample, arrays: list[Any]
) -> tuple[list[Any], list[Any], list[Any], list[Any]]:
    """Run forward and backward on foreign arrays: inputs, outputs, douts, gradients."""

    def moved(value: Any) -> Any:
        return Foreign(value) if isinstance(value, np.ndarray) else value

    attributes = mapped(moved, sample.attributes)
    inputs = [None if x is None else Tensor(Foreign(np.asarray(x)), 1) for x in arrays]
    outs = outputs(OPS[sample.op](*inputs, **attributes))
    douts = [Foreign(upstream(o._value.plain)) for o in outs]
    found = gradients(outs, [x for x in inputs if x is not None], douts)
    return inputs, outs, douts, found


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_foreign_arrays_are_not_left(sample: Sample) -> None:
    """A strict stand-in for a GPU array: mixing it with a NumPy array, or leaving it, raises."""
    with strict():
        _, outs, _, found = on_device(sample, list(sample.inputs))
    assert all(isinstance(o._value, Foreign) for o in outs)
    assert all(g is None or isinstance(g, Foreign) for g in found)


@pytest.mark.parametrize("sample", SMOOTH, ids=str)
def test_replay_of_the_numpy_calls_is_the_engine(sample: Sample) -> None:
    """The NumPy calls of one step, run again on other numbers, are the engine on those."""
    others = [x if x is None else np.asarray(x) * 0.97 for x in sample.inputs]
    with logged() as calls:
        inputs, outs, _, found = on_device(sample, list(sample.inputs))
    values = {id(x._value): o for x, o in zip(inputs, others, strict=True) if x is not None}
    replayed(calls, values)
    moved = dataclasses.replace(sample, inputs=tuple(others))
    _, fresh, gradients_there = engine_gradients(moved)
    for out, truth in zip(outs, fresh, strict=True):
        np.testing.assert_array_equal(values.get(id(out._value), out._value.plain), truth._value)
    for gradient, truth in zip(found, gradients_there, strict=True):
        if gradient is not None:
            again = values.get(id(gradient), gradient.plain)
            np.testing.assert_allclose(again, truth, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("op", OURS.values(), ids=list(OURS))
def test_dialect(op: Any) -> None:
    op.validate()
    assert op.__doc__
    assert complaints(op) == []


def test_every_op_has_a_sample() -> None:
    missing = sorted(set(OURS) - {s.op for s in SAMPLES})
    assert not missing, f"add a row to tests/ops/samples_<family>.py for: {', '.join(missing)}"


def test_vjp_of_an_op_is_its_backward() -> None:
    out, pull = vjp(OPS["multiply"], np.array([2.0, 3.0]), np.array([5.0, 7.0]))
    assert out.tolist() == [10.0, 21.0]
    assert [g.tolist() for g in pull(np.ones(2))] == [[5.0, 7.0], [2.0, 3.0]]
