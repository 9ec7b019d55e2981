"""Products: what the sample table cannot show."""

from __future__ import annotations

import doctest
from typing import Any

import numpy as np
import pytest

from backsight.engine.tape import gradients
from backsight.engine.tensors import tensor
from backsight.errors import DTypeError, ShapeError
from backsight.ops import products

from .sample import normal


def test_examples_in_docstrings() -> None:
    assert doctest.testmod(products).failed == 0


def test_dot_takes_a_python_number() -> None:
    x = tensor([1.0, 2.0])
    (dx,) = gradients([np.dot(3.0, x)], [x], [np.ones(2)])
    assert dx.tolist() == [3.0, 3.0]


def test_dot_refuses_a_stack_on_the_right() -> None:
    with pytest.raises(ShapeError, match="dot: y has 3 axes; dot takes at most 2 there"):
        np.dot(tensor(np.ones((2, 3))), np.ones((4, 3, 2)))


def test_outer_refuses_matrices() -> None:
    with pytest.raises(ShapeError, match=r"outer: x \(2, 2\) and y \(2,\) must be 1-D"):
        products.outer(tensor(np.ones((2, 2))), np.ones(2))


@pytest.mark.parametrize("shape", [(5,), (1, 4), (4, 1)])
def test_linear_refuses_a_bias_of_another_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match=r"must be \(4,\), one number per column of w \(3, 4\)"):
        products.linear(tensor(np.ones((2, 3))), np.ones((3, 4)), np.ones(shape))


def test_linear_refuses_a_vector_of_weights() -> None:
    with pytest.raises(ShapeError, match=r"linear: w \(3,\) must be a matrix \(D, M\)"):
        products.linear(tensor(np.ones((2, 3))), np.ones(3))


def test_a_matrix_meeting_a_stack_gets_one_gradient() -> None:
    """The weight of a sequence layer: its gradient is one product, not a stack that is summed."""
    x, w = normal(4, 5, 3), normal(3, 2)
    dout = normal(4, 5, 2)
    _, dw = products.matmul.backward_function(dout, x, w)
    assert dw.shape == (3, 2)
    np.testing.assert_allclose(dw, np.einsum("bti,btj->ij", x, dout))


@pytest.mark.parametrize(
    ("spec", "count", "text"),
    [
        ("ii->i", 1, "'i' stands twice in 'ii': diagonals have no backward in einsum"),
        ("ij,jj->i", 2, "'j' stands twice in 'jj'"),
        ("ij,jk->ik", 1, "'ij,jk->ik' is a spec for 2 operands, but 1 were given"),
        ("ij->i", 2, "'ij->i' is a spec for 1 operands, but 2 were given"),
    ],
)
def test_einsum_refuses(spec: str, count: int, text: str) -> None:
    with pytest.raises(ShapeError, match=text):
        products.einsum(*[tensor(np.ones((2, 2)))] * count, spec=spec)


@pytest.mark.parametrize(
    ("spec", "shapes"),
    [
        ("ij,jk,kl->il", [(2, 3), (3, 4), (4, 5)]),
        ("i,i,i->", [(3,), (3,), (3,)]),
        ("ij,jk,ki", [(2, 3), (3, 4), (4, 2)]),
        ("...i,ij,...j->...", [(5, 3), (3, 4), (5, 4)]),
        ("a,b,c,d->dcba", [(2,), (3,), (1,), (2,)]),
        ("ij,k,kl->l", [(2, 3), (4,), (4, 5)]),
    ],
)
def test_einsum_of_many(spec: str, shapes: list[tuple[int, ...]]) -> None:
    arrays = [normal(*shape, seed=i) for i, shape in enumerate(shapes)]
    leaves = [tensor(each) for each in arrays]
    out = products.einsum_of_many(spec, leaves)
    np.testing.assert_allclose(out.value, np.einsum(spec, *arrays))
    dout = np.asarray(normal(*out.shape, seed=9))
    for each, found in zip(arrays, gradients([out], leaves, [dout]), strict=True):
        # Linear in each operand: its change along the gradient is the gradient's square.
        moved = [a + found if a is each else a for a in arrays]
        change = np.einsum(spec, *moved) - np.einsum(spec, *arrays)
        np.testing.assert_allclose(np.sum(change * dout), np.sum(found * found))


def test_einsum_of_many_counts_its_operands() -> None:
    with pytest.raises(ShapeError, match="is a spec for 2 operands, but 3 were given"):
        products.einsum_of_many("ij,jk", [tensor(np.ones((2, 2)))] * 3)


@pytest.mark.parametrize("function", [np.linalg.inv, lambda a: np.linalg.solve(a, a)])
def test_linear_systems_refuse_half_precision(function: Any) -> None:
    with pytest.raises(DTypeError, match="NumPy's linear algebra has no float16"):
        function(tensor(np.eye(2), dtype=np.float16))


@pytest.mark.parametrize("function", [np.linalg.inv, lambda a: np.linalg.solve(a, np.ones(2))])
def test_linear_systems_refuse_what_is_not_square(function: Any) -> None:
    with pytest.raises(ShapeError, match=r"\(2, 3\) must be square matrices \(…, N, N\)"):
        function(tensor(np.ones((2, 3))))


def test_gradient_of_the_inverse_by_hand() -> None:
    """Magnus & Neudecker, Matrix Differential Calculus, section 8.4: d(X⁻¹) = −X⁻¹ (dX) X⁻¹."""
    x = tensor([[2.0, 0.0], [0.0, 4.0]])
    (dx,) = gradients([np.linalg.inv(x)], [x], [np.ones((2, 2))])
    assert dx.tolist() == [[-0.25, -0.125], [-0.125, -0.0625]]
