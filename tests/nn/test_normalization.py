"""Normalisation, dropout and embedding layers against PyTorch, in both modes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import backsight as bs
from backsight import nn
from backsight.errors import ShapeError, UsageError

from .against_torch import compare, same


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def affine(ours: Any, theirs: Any) -> list[tuple[Any, Any, bool]]:
    """Match gamma and beta, drawn at random."""
    pairs = [(ours.gamma, theirs.weight, False)]
    if getattr(ours, "beta", None) is not None:
        pairs.append((ours.beta, theirs.bias, False))
    for mine, _, _ in pairs:
        mine.value = rng().standard_normal(mine.shape)
    return pairs


@pytest.mark.torch
@pytest.mark.parametrize("shape", [(8, 3), (4, 3, 5), (4, 3, 5, 2)], ids=str)
@pytest.mark.parametrize("training", [True, False])
def test_batch_norm_agrees_with_pytorch(shape: tuple[int, ...], training: bool) -> None:
    torch = pytest.importorskip("torch")
    ours = nn.BatchNorm(3, momentum=0.3, dtype=np.float64)
    kind = torch.nn.BatchNorm2d if len(shape) == 4 else torch.nn.BatchNorm1d
    theirs = kind(3, momentum=0.3, dtype=torch.float64)
    pairs = affine(ours, theirs)
    for seed in range(3):  # move the running averages
        x = np.random.default_rng(seed).standard_normal(shape) * 3 + 1
        ours(x)
        theirs(torch.tensor(x))
        same(ours.running_mean, theirs.running_mean)
        same(ours.running_variance, theirs.running_var)
    nn.train(ours, training)
    theirs.train(training)
    compare(ours, theirs, pairs, [rng().standard_normal(shape)], rng=rng())


@pytest.mark.torch
@pytest.mark.parametrize(
    ("ours", "name", "given", "shape"),
    [
        (nn.LayerNorm(5, dtype=np.float64), "LayerNorm", (5,), (4, 3, 5)),
        (nn.LayerNorm((3, 5), eps=1e-3, dtype=np.float64), "LayerNorm", ((3, 5), 1e-3), (4, 3, 5)),
        (nn.GroupNorm(2, 6, dtype=np.float64), "GroupNorm", (2, 6), (4, 6, 3, 2)),
        (nn.RMSNorm(5, dtype=np.float64), "RMSNorm", (5,), (4, 3, 5)),
    ],
    ids=lambda x: x if isinstance(x, str) else "",
)
def test_norm_agrees_with_pytorch(ours: Any, name: str, given: Any, shape: Any) -> None:
    torch = pytest.importorskip("torch")
    theirs = getattr(torch.nn, name)(*given, dtype=torch.float64)
    compare(ours, theirs, affine(ours, theirs), [rng().standard_normal(shape)], rng=rng())


@pytest.mark.torch
@pytest.mark.parametrize("with_affine", [False, True])
def test_instance_norm_agrees_with_pytorch(with_affine: bool) -> None:
    torch = pytest.importorskip("torch")
    ours = nn.InstanceNorm(3, affine=with_affine, dtype=np.float64)
    theirs = torch.nn.InstanceNorm2d(3, affine=with_affine, dtype=torch.float64)
    pairs = affine(ours, theirs) if with_affine else []
    compare(ours, theirs, pairs, [rng().standard_normal((4, 3, 5, 2))], rng=rng())


@pytest.mark.torch
def test_embedding_agrees_with_pytorch() -> None:
    torch = pytest.importorskip("torch")
    ours = nn.Embedding(7, 4, rng(), padding_index=2, dtype=np.float64)
    theirs = torch.nn.Embedding(7, 4, padding_idx=2, dtype=torch.float64)
    indices = np.array([[1, 2, 2], [6, 1, 0]])
    assert not ours.w.value[2].any()
    compare(ours, theirs, [(ours.w, theirs.weight, False)], [indices], rng=rng())


def test_the_one_formula_backward_of_batch_norm_is_that_of_its_graph() -> None:
    x = rng().standard_normal((16, 5)) * 2 + 1
    weight = rng().standard_normal(x.shape)
    gamma, beta = bs.tensor(rng().standard_normal(5)), bs.tensor(rng().standard_normal(5))

    def staged(x: Any) -> Any:
        centred = x - np.mean(x, axis=0)
        variance = np.mean(centred * centred, axis=0)
        return gamma * (centred / np.sqrt(variance + 1e-5)) + beta

    found = []
    for form in (staged, lambda x: bs.batch_norm(x, gamma, beta)):
        t = bs.tensor(x)
        gamma.grad = beta.grad = None
        np.sum(form(t) * weight).backward()
        found.append((t.grad, gamma.grad, beta.grad))
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)


def test_running_averages_keep_the_dtype_and_are_no_parameters() -> None:
    layer = nn.BatchNorm(2)
    layer(rng().standard_normal((8, 2)).astype(np.float32))
    assert layer.running_mean.dtype == layer.running_variance.dtype == np.float32
    assert set(nn.parameters(layer)) == {"gamma", "beta"}
    assert set(nn.state(layer)) == {"gamma", "beta", "running_mean", "running_variance"}


def test_dropout_drops_its_share_and_nothing_while_evaluating() -> None:
    layer = nn.Dropout(0.3, rng())
    x = np.ones((400, 400))
    out = layer(x)
    assert np.mean(out == 0) == pytest.approx(0.3, abs=5 * (0.21 / x.size) ** 0.5)
    np.testing.assert_allclose(out[out != 0], 1 / 0.7)
    np.testing.assert_array_equal(nn.evaluate(layer)(x), x)
    with pytest.raises(UsageError, match=r"the probability to drop, from 0 to 1; it is 1\.5"):
        nn.Dropout(1.5, rng())


def test_modes_reach_every_layer_and_come_back() -> None:
    net = nn.Sequential(
        nn.Residual(nn.Sequential(nn.BatchNorm(2), nn.Dropout(0.5, rng()))), {"a": 1}.get
    )
    inner = [
        each for each in nn.parameters.__globals__["layers_in"](net) if hasattr(each, "training")
    ]
    assert len(inner) == 2
    inner[0].training = False
    with nn.evaluating(net):
        assert not any(each.training for each in inner)
    assert [each.training for each in inner] == [False, True]
    nn.train(net)
    assert all(each.training for each in inner)


def test_a_residual_sum_hands_the_gradient_to_both() -> None:
    layer = nn.Residual(nn.Linear(3, 3, rng(), dtype=np.float64))
    x = bs.tensor(rng().standard_normal((4, 3)))
    np.sum(layer(x)).backward()
    w = nn.parameters(layer)["layer.w"].value
    np.testing.assert_allclose(np.asarray(x.grad), 1 + np.ones((4, 3)) @ w.T)


def test_a_thousand_layers_train() -> None:
    r = rng()
    net = nn.Sequential(
        *(nn.Residual(nn.Sequential(nn.LayerNorm(8), nn.Linear(8, 8, r))) for _ in range(1000))
    )
    x = r.standard_normal((4, 8)).astype(np.float32)
    optimizer = nn.optim.Adam(net, lr=1e-4)
    losses = []
    for _ in range(3):
        loss = np.mean((net(x) - x) ** 2)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[2] < losses[1] < losses[0]


def test_an_empty_batch_does_not_spoil_the_running_averages() -> None:
    layer = nn.BatchNorm(2)
    with pytest.raises(ShapeError, match=r"x \(0, 2\) is an empty batch"):
        layer(np.zeros((0, 2), np.float32))
    np.testing.assert_array_equal(layer.running_mean, [0, 0])
