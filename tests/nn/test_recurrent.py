"""Recurrent layers against PyTorch's, with copied parameters; long sequences; what they refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import backsight as bs
from backsight import nn
from backsight.errors import PrecisionWarning, ShapeError, UsageError

from .against_torch import compare

KINDS = {"RNN": nn.RNN, "LSTM": nn.LSTM, "GRU": nn.GRU}
CELLS = {"RNNCell": nn.RNNCell, "LSTMCell": nn.LSTMCell, "GRUCell": nn.GRUCell}


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def pairs(ours: Any, theirs: Any) -> list[tuple[Any, Any, bool]]:
    """Match the parameters of all cells with PyTorch's."""
    found = []
    directions = 2 if ours.bidirectional else 1
    for i, cell in enumerate(ours.cells):
        suffix = f"l{i // directions}" + ("_reverse" if i % directions else "")
        found += [
            (cell.w_ih, getattr(theirs, f"weight_ih_{suffix}"), True),
            (cell.w_hh, getattr(theirs, f"weight_hh_{suffix}"), True),
        ]
        if ours.bias:
            found += [
                (cell.b_ih, getattr(theirs, f"bias_ih_{suffix}"), False),
                (cell.b_hh, getattr(theirs, f"bias_hh_{suffix}"), False),
            ]
    return found


@pytest.mark.torch
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("depth", [1, 3])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("bias", [False, True])
def test_agrees_with_pytorch(kind: str, depth: int, bidirectional: bool, bias: bool) -> None:
    torch = pytest.importorskip("torch")
    options = {"bidirectional": bidirectional, "bias": bias}
    ours = KINDS[kind](3, 5, rng(), depth=depth, dtype=np.float64, **options)
    theirs = getattr(torch.nn, kind)(3, 5, depth, batch_first=True, dtype=torch.float64, **options)
    x = rng().standard_normal((4, 7, 3))
    compare(ours, theirs, pairs(ours, theirs), [x], rng=rng())


@pytest.mark.torch
@pytest.mark.parametrize("kind", KINDS)
def test_a_given_state_and_its_gradient(kind: str) -> None:
    torch = pytest.importorskip("torch")
    ours = KINDS[kind](3, 5, rng(), depth=2, dtype=np.float64)
    theirs = getattr(torch.nn, kind)(3, 5, 2, batch_first=True, dtype=torch.float64)
    parts = 2 if kind == "LSTM" else 1
    states = [rng().standard_normal((2, 4, 5)) for _ in range(parts)]

    def called(layer: Any) -> Any:
        return lambda x, *state: layer(x, state if parts == 2 else state[0])

    x = rng().standard_normal((4, 6, 3))
    compare(called(ours), theirs, pairs(ours, theirs), [x, *states], rng=rng(), call=called(theirs))


@pytest.mark.torch
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_lengths_are_pytorchs_packed_sequences(kind: str, bidirectional: bool) -> None:
    torch = pytest.importorskip("torch")
    from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

    ours = KINDS[kind](3, 5, rng(), depth=2, bidirectional=bidirectional, dtype=np.float64)
    theirs = getattr(torch.nn, kind)(
        3, 5, 2, batch_first=True, bidirectional=bidirectional, dtype=torch.float64
    )
    lengths = [7, 3, 1, 5]

    def packed(x: Any) -> Any:
        given = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        out, last = theirs(given)
        return pad_packed_sequence(out, batch_first=True)[0], last

    x = rng().standard_normal((4, 7, 3))
    compare(
        lambda x: ours(x, lengths=lengths), theirs, pairs(ours, theirs), [x], rng=rng(), call=packed
    )


@pytest.mark.torch
@pytest.mark.parametrize("name", CELLS)
def test_cells_agree_with_pytorch(name: str) -> None:
    torch = pytest.importorskip("torch")
    ours = CELLS[name](3, 5, rng(), dtype=np.float64)
    theirs = getattr(torch.nn, name)(3, 5, dtype=torch.float64)
    same = [
        (ours.w_ih, theirs.weight_ih, True),
        (ours.w_hh, theirs.weight_hh, True),
        (ours.b_ih, theirs.bias_ih, False),
        (ours.b_hh, theirs.bias_hh, False),
    ]
    compare(ours, theirs, same, [rng().standard_normal((4, 3))], rng=rng())


@pytest.mark.torch
def test_relu_network_agrees_with_pytorch() -> None:
    torch = pytest.importorskip("torch")
    ours = nn.RNN(3, 5, rng(), nonlinearity="relu", dtype=np.float64)
    theirs = torch.nn.RNN(3, 5, nonlinearity="relu", batch_first=True, dtype=torch.float64)
    compare(ours, theirs, pairs(ours, theirs), [rng().standard_normal((2, 9, 3))], rng=rng())


def test_begins_as_pytorch_does() -> None:
    layer = nn.LSTM(8, 16, rng())
    for t in nn.parameters(layer).values():
        assert np.abs(t.value).max() <= 16**-0.5
        assert t.value.std() == pytest.approx(16**-0.5 / 3**0.5, rel=0.15)


def test_a_thousand_steps() -> None:
    layer = nn.GRU(4, 8, rng())
    x = bs.tensor(rng().standard_normal((2, 1000, 4)).astype(np.float32))
    out, last = layer(x)
    np.sum(out**2).backward()
    assert out.shape == (2, 1000, 8)
    np.testing.assert_array_equal(out.value[:, -1], last.value[0])
    assert x.grad is not None
    assert np.isfinite(x.grad).all()


def test_a_loop_of_cells_is_the_layer() -> None:
    layer = nn.LSTM(3, 4, rng(), dtype=np.float64)
    x = rng().standard_normal((2, 5, 3))
    out, (h, c) = layer(x)
    state = None
    for t in range(5):
        state = layer.cells[0](x[:, t], state)
    assert state is not None
    np.testing.assert_array_equal(h.value[0], state[0].value)
    np.testing.assert_array_equal(c.value[0], state[1].value)
    np.testing.assert_array_equal(out.value[:, -1], state[0].value)


def test_dropout_stands_between_layers_only_while_training() -> None:
    layer = nn.RNN(3, 4, rng(), depth=2, dropout=0.9)
    x = rng().standard_normal((2, 5, 3)).astype(np.float32)
    with nn.evaluating(layer):
        first, second = layer(x)[0].value, layer(x)[0].value
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(layer(x)[0].value, first)


@pytest.mark.parametrize("kind", KINDS)
def test_wrong_shapes_are_one_clear_error(kind: str) -> None:
    layer = KINDS[kind](3, 5, rng())
    with pytest.raises(ShapeError, match=rf"{kind}: x \(4, 7, 2\) must be \(N, T, 3\)"):
        layer(np.zeros((4, 7, 2), np.float32))
    with pytest.raises(ShapeError, match="at least one step"):
        layer(np.zeros((4, 0, 3), np.float32))
    x = np.zeros((4, 7, 3), np.float32)
    state = np.zeros((1, 3, 5), np.float32)
    with pytest.raises(ShapeError, match=r"the state \(1, 3, 5\) must be \(1, 4, 5\)"):
        layer(x, (state, state) if kind == "LSTM" else state)
    with pytest.raises(ShapeError, match=r"lengths \(3,\) must be \(4,\)"):
        layer(x, lengths=[1, 2, 3])
    with pytest.raises(UsageError, match=r"whole numbers from 1 to 7.*from 0 to 8"):
        layer(x, lengths=[0, 8, 1, 1])


def test_wide_data_in_a_narrow_layer_is_warned_of() -> None:
    layer = nn.LSTM(3, 4, rng())
    out, _ = layer(rng().standard_normal((2, 5, 3)))
    with pytest.warns(PrecisionWarning, match="lstm_cell turned float32 into float64"):
        np.sum(out).backward()


def test_depth_and_the_pair_of_an_lstm_are_checked() -> None:
    with pytest.raises(UsageError, match="depth is 0"):
        nn.GRU(3, 5, rng(), depth=0)
    with pytest.raises(ShapeError, match=r"a pair \(h, c\)"):
        nn.LSTM(3, 5, rng())(np.zeros((1, 1, 3), np.float32), np.zeros((1, 1, 5), np.float32))
