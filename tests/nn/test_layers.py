"""Layers and initialisers against PyTorch's, and against the numbers they promise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import backsight as bs
from backsight import nn
from backsight.errors import ShapeError, UsageError

from .against_torch import compare


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.torch
def test_linear_is_pytorchs_with_the_transposed_weight() -> None:
    torch = pytest.importorskip("torch")
    layer = nn.Linear(3, 5, rng(), dtype=np.float64)
    theirs = torch.nn.Linear(3, 5, dtype=torch.float64)
    with torch.no_grad():
        theirs.weight.copy_(torch.tensor(np.array(layer.w.value.T)))
        theirs.bias.zero_()
    x = rng().standard_normal((7, 3))
    out, truth = layer(x), theirs(torch.tensor(x))
    (out**2).sum().backward()
    (truth**2).sum().backward()
    np.testing.assert_allclose(out.value, truth.detach().numpy(), rtol=1e-12)
    assert layer.b is not None
    np.testing.assert_allclose(layer.w.grad, theirs.weight.grad.numpy().T, rtol=1e-12)
    np.testing.assert_allclose(layer.b.grad, theirs.bias.grad.numpy(), rtol=1e-12)


@pytest.mark.torch
@pytest.mark.parametrize(
    ("ours", "name"),
    [
        (nn.ReLU(), "ReLU"),
        (nn.LeakyReLU(), "LeakyReLU"),
        (nn.Sigmoid(), "Sigmoid"),
        (nn.Tanh(), "Tanh"),
        (nn.GELU(), "GELU"),
        (nn.SiLU(), "SiLU"),
        (nn.ELU(), "ELU"),
    ],
    ids=lambda x: x if isinstance(x, str) else "",
)
def test_activation_is_pytorchs_of_the_same_name(ours: Any, name: str) -> None:
    torch = pytest.importorskip("torch")
    x = rng().standard_normal((4, 3)) * 3
    truth = getattr(torch.nn, name)()(torch.tensor(x)).numpy()
    np.testing.assert_allclose(ours(x), truth, rtol=1e-12, atol=1e-15)


@pytest.mark.torch
def test_softmax_and_prelu_are_pytorchs() -> None:
    torch = pytest.importorskip("torch")
    x = rng().standard_normal((4, 3, 5))
    truth = torch.nn.Softmax(dim=1)(torch.tensor(x)).numpy()
    np.testing.assert_allclose(nn.Softmax(axis=1)(x), truth, rtol=1e-12)
    ours, theirs = nn.PReLU(3, dtype=np.float64), torch.nn.PReLU(3, dtype=torch.float64)
    compare(ours, theirs, [(ours.slope, theirs.weight, False)], [x], rng=rng())


def test_parameters_are_found_by_path_in_order() -> None:
    net = nn.Sequential(nn.Linear(2, 3, rng()), bs.relu, nn.Linear(3, 1, rng(), bias=False))
    assert list(nn.parameters(net)) == ["layers.0.w", "layers.0.b", "layers.2.w"]
    assert list(nn.parameters({"a": [net[0]]})) == ["a.0.w", "a.0.b"]


def test_a_shared_tensor_is_one_parameter() -> None:
    layer = nn.Linear(2, 2, rng())
    assert len(nn.parameters([layer, layer])) == 2


def test_parameters_of_any_object_with_attributes() -> None:
    class Net:
        def __init__(self) -> None:
            self.first = nn.Linear(2, 2, rng())
            self.scale = bs.tensor(1.0)
            self.frozen = bs.tensor(1.0, requires_grad=False)
            self.name = "net"

    assert list(nn.parameters(Net())) == ["first.w", "first.b", "scale"]


def test_objects_that_know_each_other_are_walked_once() -> None:
    class Part:
        def __init__(self) -> None:
            self.w = bs.tensor(1.0)
            self.owner: Any = None

    part = Part()
    part.owner = {"part": part}
    assert list(nn.parameters(part)) == ["w"]


def test_wrong_width_names_the_users_line() -> None:
    net = nn.Sequential(nn.Linear(3, 5, rng()), nn.ReLU(), nn.Linear(4, 2, rng()))
    with pytest.raises(
        ShapeError, match=r"linear: x \(7, 5\) cannot multiply w \(4, 2\): 5 ≠ 4"
    ) as e:
        net(np.ones((7, 3), np.float32))
    assert "test_layers.py" in str(e.value)


@pytest.mark.parametrize(
    ("start", "std"),
    [
        (nn.init.he_normal, (2 / 400) ** 0.5),
        (nn.init.he_uniform, (2 / 400) ** 0.5),
        (nn.init.xavier_normal, (2 / 700) ** 0.5),
        (nn.init.xavier_uniform, (2 / 700) ** 0.5),
    ],
)
def test_initialiser_has_the_published_spread(start: Any, std: float) -> None:
    w = start((400, 300), rng())
    assert w.dtype == np.float32
    assert abs(w.mean()) < 4 * std / w.size**0.5
    assert abs(w.std() / std - 1) < 4 * (2 * w.size) ** -0.5
    np.testing.assert_array_equal(w, start((400, 300), rng()))


def test_initialiser_of_a_convolution_counts_its_window() -> None:
    assert nn.init.fans((64, 32, 3, 3)) == (288, 576)


def test_a_bias_has_no_fans() -> None:
    with pytest.raises(UsageError, match=r"a weight of shape \(5,\) has no fans"):
        nn.init.he_normal((5,), rng())


def test_he_keeps_the_scale_through_ten_relu_layers() -> None:
    x = rng().standard_normal((256, 128)).astype(np.float32)
    net = nn.Sequential(
        *(part for _ in range(10) for part in (nn.Linear(128, 128, rng()), nn.ReLU()))
    )
    assert 0.3 < np.sqrt(np.mean(np.square(net(x).value))) < 3
