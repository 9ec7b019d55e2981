"""Initialisers: what they promise, against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from backsight import nn
from backsight.errors import UsageError


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_zeros_and_constants() -> None:
    assert not nn.init.zeros((3, 2)).any()
    np.testing.assert_array_equal(
        nn.init.constant((2,), value=1.5, dtype=np.float64), np.array([1.5, 1.5])
    )


def test_normal_and_uniform_have_their_moments() -> None:
    w = nn.init.normal((300, 300), rng(), mean=2.0, std=0.1)
    assert w.dtype == np.float32
    assert w.mean() == pytest.approx(2, abs=5 * 0.1 / 300)
    assert w.std() == pytest.approx(0.1, rel=0.01)
    u = nn.init.uniform((300, 300), rng(), low=-3, high=1)
    assert -3 <= u.min() < -2.99
    assert 0.99 < u.max() <= 1


@pytest.mark.parametrize("shape", [(5, 5), (3, 8), (8, 3), (6, 2, 3, 3)], ids=str)
def test_orthogonal_matrices_have_equal_singular_values(shape: tuple[int, ...]) -> None:
    w = nn.init.orthogonal(shape, rng(), gain=1.5, dtype=np.float64)
    values = np.linalg.svd(w.reshape(shape[0], -1), compute_uv=False)
    np.testing.assert_allclose(values, 1.5, rtol=1e-12)


def test_lsuv_gives_every_product_unit_variance() -> None:
    r = rng()
    x = r.standard_normal((512, 12)).astype(np.float32) * 30 + 5
    net = nn.Sequential(
        nn.Linear(12, 40, r),
        nn.ReLU(),
        nn.Residual(nn.Sequential(nn.Linear(40, 40, r), nn.Tanh())),
        nn.Linear(40, 3, r),
    )
    nn.init.lsuv(net, x, r)
    h = net[0](x)
    assert h.value.std() == pytest.approx(1, abs=0.03)
    h = net[1](h)
    inner = net[2].layer[0](h)  # type: ignore[attr-defined]
    assert inner.value.std() == pytest.approx(1, abs=0.03)
    assert net(x).value.std() == pytest.approx(1, abs=0.03)


def test_lsuv_of_a_convolution() -> None:
    r = rng()
    net = nn.Sequential(nn.Conv2d(3, 8, 3, r), nn.ReLU(), nn.Conv2d(8, 8, 3, r))
    x = r.standard_normal((16, 3, 9, 9)).astype(np.float32) * 100
    nn.init.lsuv(net, x, r)
    assert net[0](x).value.std() == pytest.approx(1, abs=0.03)
    assert net(x).value.std() == pytest.approx(1, abs=0.03)


def test_lsuv_names_an_input_that_does_not_vary() -> None:
    net = nn.Sequential(nn.Linear(4, 4, rng()))
    with pytest.raises(UsageError, match=r"the weight \(4, 4\) gives has std 0"):
        nn.init.lsuv(net, np.zeros((8, 4), np.float32), rng())
