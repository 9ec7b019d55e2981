"""Random expressions with fan-out, built by Hypothesis, against PyTorch: values and gradients."""

from __future__ import annotations

import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import backsight as bs
from backsight.engine import gradients

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch


@dataclass(frozen=True)
class Step:
    """One op of a random graph, in NumPy's and PyTorch's words, on values of shape (3, 4)."""

    name: str
    arity: int
    numpy: Callable[..., Any]
    torch: Callable[..., Any]


def both(name: str, arity: int, function: Callable[..., Any]) -> Step:
    """A step that reads the same in both libraries."""
    return Step(name, arity, function, function)


def pair(name: str, ours: Callable[..., Any], theirs: Callable[..., Any], arity: int = 1) -> Step:
    return Step(name, arity, ours, theirs)


STEPS = [
    both("x + y", 2, lambda x, y: x + y),
    both("x - y", 2, lambda x, y: x - y),
    both("x * y", 2, lambda x, y: x * y),
    both("x / (y² + 1)", 2, lambda x, y: x / (y * y + 1)),
    both("-x", 1, lambda x: -x),
    both("2.5 - x", 1, lambda x: 2.5 - x),
    both("x / 3", 1, lambda x: x / 3),
    both("x ** 2", 1, lambda x: x**2),
    both("x[::-1]", 1, lambda x: x + x[:1]),
    both("x[:, [3, 0, 0, 1]]", 1, lambda x: x[:, [3, 0, 0, 1]]),
    both("x @ x.T @ y", 2, lambda x, y: 0.1 * (x @ x.T @ y)),
    both("row of x", 2, lambda x, y: x[1] * y),
    both("column of x", 2, lambda x, y: x[:, 2:3] + y),
    both("one of x", 2, lambda x, y: x[0, 0] * y),
    both("reshape", 1, lambda x: x.reshape(4, 3).T),
    pair("tanh", np.tanh, torch.tanh),
    pair("sigmoid", bs.sigmoid, torch.sigmoid),
    pair("relu", bs.relu, torch.relu),
    pair("sin", np.sin, torch.sin),
    pair("exp", lambda x: np.exp(-(x * x)), lambda x: torch.exp(-(x * x))),
    pair("log1p", lambda x: np.log1p(x * x), lambda x: torch.log1p(x * x)),
    pair("sqrt", lambda x: np.sqrt(x * x + 1), lambda x: torch.sqrt(x * x + 1)),
    pair("abs", np.abs, torch.abs),
    pair("clip", lambda x: np.clip(x, -0.7, 0.9), lambda x: torch.clamp(x, -0.7, 0.9)),
    pair("maximum", np.maximum, torch.maximum, 2),
    pair("minimum", np.minimum, torch.minimum, 2),
    pair("where", lambda x, y: np.where(x > 0, x, y), lambda x, y: torch.where(x > 0, x, y), 2),
    pair("where itself", lambda x: np.where(x > 0, x, 0.1 * x), torch.nn.LeakyReLU(0.1)),
    pair("softmax", lambda x: bs.softmax(x), lambda x: torch.softmax(x, -1)),
    pair("minus mean", lambda x: x - x.mean(axis=0), lambda x: x - x.mean(dim=0)),
    pair("sum", lambda x: x * x.sum(axis=1, keepdims=True), lambda x: x * x.sum(1, keepdim=True)),
    pair("max", lambda x: x - np.max(x, axis=1)[:, None], lambda x: x - x.amax(1)[:, None]),
    pair(
        "concatenate",
        lambda x, y: np.concatenate([x[:, 1:], y[:, :2], x], axis=1)[:, 1:5],
        lambda x, y: torch.cat([x[:, 1:], y[:, :2], x], 1)[:, 1:5],
        2,
    ),
    pair(
        "stack",
        lambda x, y: np.stack([x, y, x]).sum(axis=0),
        lambda x, y: torch.stack([x, y, x]).sum(0),
        2,
    ),
    pair("flip", lambda x: np.flip(x, 1) + x, lambda x: torch.flip(x, [1]) + x),
    pair("cumsum", lambda x: np.cumsum(x, 1) / 4, lambda x: torch.cumsum(x, 1) / 4),
    pair(
        "einsum",
        lambda x, y: np.einsum("ij,kj,kl->il", x, y, y) / 10,
        lambda x, y: torch.einsum("ij,kj,kl->il", x, y, y) / 10,
        2,
    ),
    pair("detach", lambda x: x * x.detach(), lambda x: x * x.detach()),
]

LEAVES = 3


@st.composite
def programs(draw: Any) -> list[tuple[int, list[int]]]:
    """Steps in order: which op, and which of the earlier values it takes."""
    steps = []
    for count in range(LEAVES, LEAVES + draw(st.integers(1, 14))):
        kind = draw(st.integers(0, len(STEPS) - 1))
        takes = st.integers(0, count - 1)
        steps.append((kind, [draw(takes) for _ in range(STEPS[kind].arity)]))
    return steps


def run(program: list[tuple[int, list[int]]], leaves: list[Any], side: str) -> list[Any]:
    values = list(leaves)
    for kind, takes in program:
        out = getattr(STEPS[kind], side)(*(values[i] for i in takes))
        values.append(0.5 * out)  # keeps long products in range
    return values


def numbers(seed: int) -> list[Any]:
    generator = np.random.default_rng(seed)
    return [generator.standard_normal((3, 4)) for _ in range(LEAVES)]


quick = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def compare_gradients(program: Any, seed: int, picked: list[int]) -> None:
    """Compare values, and gradients of several of them together."""
    arrays = numbers(seed)
    ours = run(program, leaves := [bs.tensor(a) for a in arrays], "numpy")
    theirs = run(program, truths := [torch.tensor(a, requires_grad=True) for a in arrays], "torch")
    places = sorted({len(ours) - 1, *(p % len(ours) for p in picked)})
    for i in places:
        np.testing.assert_allclose(ours[i].value, theirs[i].detach(), rtol=1e-10, atol=1e-12)
    sum((ours[i] * (i + 1)).sum() for i in places).backward()
    sum((theirs[i] * (i + 1)).sum() for i in places).backward()
    for own, truth in zip(leaves, truths, strict=True):
        assert (own.grad is None) == (truth.grad is None)
        if own.grad is not None:
            scale = 1e-9 * max(1.0, float(truth.grad.abs().max()))
            np.testing.assert_allclose(own.grad, truth.grad, rtol=1e-8, atol=scale)


def compare_second_derivatives(program: Any, seed: int) -> None:
    """Compare the gradients of the squared norm of the gradients."""
    arrays = numbers(seed)
    ours = run(program, leaves := [bs.tensor(a) for a in arrays], "numpy")[-1]
    theirs = run(program, truths := [torch.tensor(a, requires_grad=True) for a in arrays], "torch")
    ones = bs.tensor(np.ones((3, 4)), requires_grad=False)
    first = gradients([ours], leaves, [ones], create_graph=True)
    firsts = torch.autograd.grad(
        theirs[-1].sum(), truths, create_graph=True, allow_unused=True, materialize_grads=True
    )
    total = sum((g * g).sum() for g in first if g is not None)
    truth = sum((g * g).sum() for g in firsts)
    if getattr(total, "requires_grad", False):  # else linear in every leaf
        total.backward()
    truth = truth + 0 * sum(t.sum() for t in truths)
    seconds = torch.autograd.grad(truth, truths, allow_unused=True, materialize_grads=True)
    for leaf, second in zip(leaves, seconds, strict=True):
        own = np.zeros((3, 4)) if leaf.grad is None else leaf.grad
        scale = 1e-8 * max(1.0, float(second.abs().max()))
        np.testing.assert_allclose(own, second.numpy(force=True), rtol=1e-7, atol=scale)


@quick
@given(program=programs(), seed=st.integers(0, 9), picked=st.lists(st.integers(0, 16), max_size=3))
def test_values_and_gradients_are_pytorchs(program: Any, seed: int, picked: list[int]) -> None:
    compare_gradients(program, seed, picked)


@quick
@given(program=programs(), seed=st.integers(0, 9))
def test_second_derivatives_are_pytorchs(program: Any, seed: int) -> None:
    compare_second_derivatives(program, seed)


@pytest.mark.parametrize("kind", range(len(STEPS)), ids=[step.name for step in STEPS])
def test_every_step_by_itself_is_pytorchs(kind: int) -> None:
    program = [(kind, list(range(STEPS[kind].arity)))]
    compare_gradients(program, 1, [])
    compare_second_derivatives(program, 1)


def test_a_network_in_float32_is_pytorchs_to_rounding() -> None:
    generator = np.random.default_rng(0)
    shapes = types.SimpleNamespace(x=(8, 5), w1=(5, 7), b1=(7,), w2=(7, 3), b2=(3,))
    arrays = {k: np.float32(generator.standard_normal(s)) for k, s in vars(shapes).items()}
    labels = generator.integers(0, 3, 8)
    ours = {k: bs.tensor(v) for k, v in arrays.items()}
    theirs = {k: torch.tensor(v, requires_grad=True) for k, v in arrays.items()}

    h = bs.relu(bs.linear(ours["x"], ours["w1"], ours["b1"]))
    loss = bs.cross_entropy(bs.linear(h, ours["w2"], ours["b2"]), labels=labels)
    loss = loss if loss.ndim == 0 else loss.mean()
    hidden = torch.relu(theirs["x"] @ theirs["w1"] + theirs["b1"])
    truth = torch.nn.functional.cross_entropy(
        hidden @ theirs["w2"] + theirs["b2"], torch.tensor(labels)
    )
    loss.backward()
    truth.backward()
    np.testing.assert_allclose(loss.item(), truth.item(), rtol=1e-6)
    for name, own in ours.items():
        np.testing.assert_allclose(own.grad, theirs[name].grad, rtol=1e-4, atol=1e-6)
