"""Derivations: the published example to six decimals, numbers and names against the trace."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import backsight as bs
from backsight.derivation import derive
from backsight.errors import UsageError
from backsight.pages import Math


def neuron() -> Any:
    """Return the trace of the single neuron that the essay works by hand."""
    W, b = bs.tensor([2.0, -3.0], name="W"), bs.tensor(-3.0, name="b")
    x, y = np.array([-1.0, -2.0]), 1.0
    z = np.dot(W, x) + b
    a = bs.sigmoid(z)
    C = 0.5 * (y - a) ** 2
    return bs.trace(C)


def formulas(derivation: Any) -> list[str]:
    return [block.text for block in derivation.blocks if isinstance(block, Math)]


def test_the_single_neuron_is_worked_as_in_the_essay() -> None:
    lines = formulas(derive(neuron()))
    for line in (
        "z = W · x + b = 1",
        "a = σ(z) = 0.731059",
        "C = 0.5 · (y − a)² = 0.036165",
        "∂C/∂a = ∂C/∂(y − a) · (−1) = 0.268941 × (−1) = −0.268941",
        "∂C/∂z = ∂C/∂a · (a · (1 − a)) = −0.268941 × 0.196612 = −0.052877",
        "δ = ∂C/∂z = −0.052877",
        "∂C/∂b = δ = −0.052877",
        "∂C/∂W = ∂C/∂(W · x) · x = [0.052877, 0.105754]",
        "W ← [2, −3] − 1 · [0.052877, 0.105754] = [1.947123, −3.105754]",
        "b ← −3 − 1 · (−0.052877) = −2.947123",
        "a: 0.731059 → 0.788726",
    ):
        assert line in lines, "\n".join(lines)


def test_it_says_what_each_op_does() -> None:
    text = str(derive(neuron()))
    assert "add copies" in text
    assert "dot switches" in text
    assert "sigmoid scales by the slope a(1 − a), at most one quarter" in text


def test_the_learning_rate_sets_the_update() -> None:
    lines = formulas(derive(neuron(), lr=0.5))
    assert "b ← −3 − 0.5 · (−0.052877) = −2.973561" in lines


def test_every_product_of_numbers_is_right() -> None:
    found = 0
    for line in formulas(derive(neuron())):
        for factor, slope, result in re.findall(
            r"(−?[\d.]+) × \(?(−?[\d.]+)\)? = (−?[\d.]+)$", line
        ):
            a, b, c = (float(x.replace("−", "-")) for x in (factor, slope, result))
            assert a * b == pytest.approx(c, abs=1e-6)
            found += 1
    assert found >= 4


def two_layers() -> Any:
    r = np.random.default_rng(0)
    x, y = r.standard_normal((8, 3)), r.integers(0, 2, 8)
    w1, b1 = bs.tensor(r.standard_normal((3, 4)), name="w1"), bs.tensor(np.zeros(4), name="b1")
    w2 = bs.tensor(r.standard_normal((4, 2)), name="w2")
    h = np.maximum(0, x @ w1 + b1)
    scores = h @ w2
    return bs.trace(bs.cross_entropy(scores, labels=y))


def test_a_network_in_symbols() -> None:
    derivation = derive(two_layers())
    lines = "\n".join(formulas(derivation))
    assert "h = max(0, x · w₁ + b₁)" in lines
    assert "∂C/∂w₂ = hᵀ ·" in lines
    assert "(softmax(scores) − onehot(labels)) / 8" in lines
    assert "summed over the copies" in str(derivation)


def test_one_element() -> None:
    trace = two_layers()
    lines = formulas(derive(trace, wrt="w1[0, 3]"))
    value = trace.named("w1").grad[0, 3]
    (line,) = [line for line in lines if line.startswith("∂C/∂w1[0, 3]")]
    assert float(line.split("= ")[1].replace("−", "-")) == pytest.approx(value, abs=1e-6)


def test_a_value_in_the_middle() -> None:
    derivation = derive(two_layers(), wrt="scores")
    assert "∂C/∂scores" in derivation.title
    assert "Descent" not in str(derivation)


def test_a_fan_out_adds() -> None:
    w = bs.tensor(3.0, name="w")
    text = str(derive(bs.trace(w * w * w)))
    assert "w is used 3 times; what comes back from each use is added" in text
    assert "∂C/∂w = 9 + 9 + 9 = 27" in text.replace("\n", " ")


def test_a_long_pass_is_followed_along_one_path() -> None:
    w, x = bs.tensor(np.eye(3) * 0.9, name="w"), bs.tensor(np.ones((2, 3)), name="x")
    h = x
    for _ in range(60):
        h = np.tanh(h @ w)
    derivation = derive(bs.trace(np.mean(h)), wrt="x")
    text = str(derivation)
    assert "one path is followed" in text
    assert "103 steps like these" in text
    assert len(derivation.blocks) < 120


def test_latex_is_balanced() -> None:
    for trace in (neuron(), two_layers()):
        for block in derive(trace).blocks:
            if isinstance(block, Math):
                latex = block.latex.replace(r"\{", "").replace(r"\}", "")
                assert latex.count("{") == latex.count("}"), block.latex
                assert latex.count(r"\left") == latex.count(r"\right")
                assert latex.isascii(), block.latex


def test_unknown_names_are_an_error_that_lists_those_there_are() -> None:
    with pytest.raises(UsageError, match=r"no value named 'nope'.*names: W, x, b, z, a, y, C"):
        derive(neuron(), wrt="nope")
    with pytest.raises(UsageError, match="no gradient reaches x"):
        derive(neuron(), wrt="x")


def test_ops_that_are_unknown_end_the_second_forward_pass_honestly() -> None:
    import dataclasses

    trace = neuron()
    nodes = tuple(
        dataclasses.replace(node, op="torch:mystery") if node.op == "sigmoid" else node
        for node in trace
    )
    text = str(derive(dataclasses.replace(trace, nodes=nodes)))
    assert "holds an op that Backsight cannot compute" in text
    assert "mystery(z)" in text
