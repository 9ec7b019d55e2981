"""Gradients through time in PyTorch, against powers of matrices and what autograd itself says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import backsight as bs
from backsight.traces.recording import Probe, Recording, Site, load_recording

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

T, N, D, H = 24, 5, 3, 8
MISSED = "recurrences whose way back leads through code of the script or packed values"


@pytest.fixture(autouse=True)
def _in_double() -> Any:
    torch.manual_seed(3)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def recorded(folder: Path, train: Callable[[], Any], times: int = 1) -> Recording:
    with bs.watch(folder / "run.bsr", every_step=True) as watched:
        for _ in range(times):
            train()
    assert not watched.diagnosis.failure
    return load_recording(folder / "run.bsr")


def measured(recording: Recording) -> tuple[Site, Probe]:
    (site,) = recording.of_kind("recurrence")
    return site, recording.probes(site)[0]


def missed(recording: Recording) -> set[Any]:
    return {event.detail for event in recording.events if event.kind == "not-observed"}


def rotation(radius: float) -> Any:
    return (radius * torch.linalg.qr(torch.randn(H, H))[0]).requires_grad_()


def linear_net(u: Any, *, every_step: bool = False, of_state: Any = lambda h: h) -> Any:
    w, v, x = torch.randn(D, H, requires_grad=True), torch.randn(H, 1), torch.randn(T, N, D)

    def train() -> None:
        h, total = torch.zeros(N, H), torch.zeros(())
        for t in range(T):
            h = of_state(x[t] @ w + h @ u)
            total = total + (h @ v).square().mean() if every_step else total
        (total if every_step else (h @ v).square().mean()).backward()

    return train


@pytest.mark.parametrize("radius", [0.5, 1.0, 1.3])
@pytest.mark.parametrize("every_step", [False, True])
def test_growth_is_the_radius_of_a_rotation(
    radius: float, every_step: bool, tmp_path: Path
) -> None:
    u = rotation(radius)
    site, probe = measured(recorded(tmp_path, linear_net(u, every_step=every_step)))
    assert probe["times"] == T
    assert probe["growth"] == pytest.approx(radius)
    assert probe["total"] == pytest.approx(radius ** (T - 1))
    assert probe["spectral_radius"] == pytest.approx(radius)
    assert probe["horizon"] == (T if radius >= 1 else 10)
    assert site.parameter == "u"
    assert site.where is not None
    assert site.where.expression == "h @ u"


def test_the_slope_explains_the_growth(tmp_path: Path) -> None:
    states: list[Any] = []

    def squashed(a: Any) -> Any:
        states.append(torch.tanh(a))
        return states[-1]

    train = linear_net(rotation(1.6), of_state=squashed)
    _, probe = measured(recorded(tmp_path, train))
    # The gradient at the last application has passed the last tanh already.
    wanted = (1 - torch.stack(states[:-1]).detach() ** 2).mean()
    assert probe["slope"] == pytest.approx(float(wanted), rel=0.05)
    assert probe["growth"] < 1.6


@pytest.mark.parametrize("cell", ["RNNCell", "LSTMCell", "GRUCell"])
def test_a_cell_is_measured_at_its_states(cell: str, tmp_path: Path) -> None:
    """One step's contribution is the gradient of the last loss alone: autograd's own."""
    model, x = getattr(torch.nn, cell)(D, H), torch.randn(T, N, D)
    states: list[tuple[Any, ...]] = []

    def forward() -> Any:
        states.clear()
        state: Any = (torch.zeros(N, H),) * (2 if cell == "LSTMCell" else 1)
        total = torch.zeros(())
        for t in range(T):
            given = state if len(state) == 2 else state[0]
            after = model(x[t], given)
            state = after if isinstance(after, tuple) else (after,)
            states.append(state)
            total = total + state[0].square().mean()
        return total

    site, probe = measured(recorded(tmp_path, lambda: forward().backward()))
    assert site.parameter == "model.weight_hh"
    assert site.module == "model"
    forward()
    (start,) = torch.autograd.grad(states[-1][0].square().mean(), states[-1][:1])
    # From the first state on: what the cells after it take of it, without what its own cell does.
    first = [each.detach().requires_grad_() for each in states[0]]
    state = tuple(first)
    for t in range(1, T):
        after = model(x[t], state if len(state) == 2 else state[0])
        state = after if isinstance(after, tuple) else (after,)
    end = torch.autograd.grad(state[0].square().mean(), first)
    end_norm = torch.cat([each.reshape(-1) for each in end]).norm()
    assert probe["total"] == pytest.approx(float(end_norm / start.norm()), rel=1e-6)


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("of", ["h", "c"])
def test_a_fused_lstm_is_measured_as_a_loop_of_cells(
    of: str, backwards: bool, tmp_path: Path
) -> None:
    layer = torch.nn.LSTM(D, H, bidirectional=backwards).float()
    cell = torch.nn.LSTMCell(D, H).float()
    ending = "_l0_reverse" if backwards else "_l0"
    cell.load_state_dict({name: getattr(layer, name + ending) for name in cell.state_dict()})
    x, start = torch.randn(T, N, D).float(), torch.randn(2, 1, N, H).float()

    def fused() -> None:
        twice = 2 if backwards else 1
        _, (h, c) = layer(x, tuple(each.repeat(twice, 1, 1) for each in start))
        (h if of == "h" else c)[-1].square().mean().backward()

    def loop() -> None:
        h, c = start[0, 0], start[1, 0]
        for t in reversed(range(T)) if backwards else range(T):
            h, c = cell(x[t], (h, c))
        (h if of == "h" else c).square().mean().backward()

    (tmp_path / "fused").mkdir()
    (tmp_path / "loop").mkdir()
    site, probe = measured(recorded(tmp_path / "fused", fused))
    assert site.op == "lstm"
    assert site.parameter == f"layer.weight_hh{ending}"
    _, other = measured(recorded(tmp_path / "loop", loop))
    assert probe["times"] == T
    assert dict(probe.figures) == pytest.approx(dict(other.figures), rel=1e-3)


def test_packed_sequences_and_stepwise_layers_are_followed(tmp_path: Path) -> None:
    layer, x = torch.nn.LSTM(D, H).float(), torch.randn(T, N, D).float()

    def packed() -> None:
        lengths = [T, T, 15, 10, 9]
        given = torch.nn.utils.rnn.pack_padded_sequence(x, lengths)
        layer(given)[1][0].square().mean().backward()

    def stepwise() -> None:
        state, total = None, torch.zeros(())
        for t in range(T):
            out, state = layer(x[t : t + 1], state)
            total = total + out.square().mean()
        total.backward()

    for train in (packed, stepwise):
        site, probe = measured(recorded(tmp_path, train))
        assert site.parameter == "layer.weight_hh_l0"
        assert probe["times"] == T


def test_hooks_of_the_script_are_called_as_often_and_change_what_is_read(tmp_path: Path) -> None:
    calls = []

    def halve(dout: Any) -> Any:
        calls.append(1)
        return 0.5 * dout

    def halved(h: Any) -> Any:
        h.register_hook(halve)
        return h

    recording = recorded(tmp_path, linear_net(rotation(1.0), of_state=halved))
    assert len(calls) == T
    assert measured(recording)[1]["growth"] == pytest.approx(0.5)
    calls.clear()
    recording = recorded(tmp_path, linear_net(rotation(1.0), of_state=halved, every_step=True))
    assert len(calls) == T
    assert not list(recording.of_kind("recurrence"))
    assert missed(recording) == {MISSED}


class Twice(torch.autograd.Function):  # type: ignore[name-defined, misc]
    """A function of the script that counts how often its backward is called."""

    calls = 0

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return 2 * x

    @staticmethod
    def backward(ctx: Any, dout: Any) -> Any:
        Twice.calls += 1
        return 2 * dout


def test_functions_of_the_script_are_not_called_again(tmp_path: Path) -> None:
    Twice.calls = 0
    recording = recorded(tmp_path, linear_net(rotation(0.3), of_state=Twice.apply))
    assert Twice.calls == T
    assert measured(recording)[1]["growth"] == pytest.approx(0.6)
    train = linear_net(rotation(0.3), of_state=Twice.apply, every_step=True)
    recording = recorded(tmp_path, train)
    assert Twice.calls == 2 * T
    assert missed(recording) == {MISSED}


def test_packed_values_are_not_unpacked_by_us(tmp_path: Path) -> None:
    unpacked = []
    u, w, x = rotation(0.7), torch.randn(D, H, requires_grad=True), torch.randn(T, N, D)

    def unpack(packed: Any) -> Any:
        unpacked.append(1)
        return packed

    def train() -> None:
        with torch.autograd.graph.saved_tensors_hooks(lambda packed: packed, unpack):
            h, total = torch.zeros(N, H), torch.zeros(())
            for each in x:
                h = torch.tanh(each @ w + h @ u)
                total = total + h.mean()
        total.backward()

    train()
    bare = len(unpacked)
    recording = recorded(tmp_path, train)
    assert len(unpacked) == 2 * bare
    assert MISSED in missed(recording)


def test_loops_that_do_not_recur_are_none(tmp_path: Path) -> None:
    w = torch.randn(D, H, requires_grad=True)
    layers = [rotation(1.0) for _ in range(10)]
    x = torch.randn(T, N, D)

    def train() -> None:
        total = sum((each @ w).square().mean() for each in x)  # each sample on its own
        h = torch.ones(N, H)
        for u in layers:  # depth, not time
            h = h @ u
        (total + h.mean()).backward()

    assert not list(recorded(tmp_path, train).of_kind("recurrence"))


def test_a_loop_cut_every_few_steps_is_none(tmp_path: Path) -> None:
    u = rotation(1.5)

    def train() -> None:
        h, total = torch.ones(N, H), torch.zeros(())
        for t in range(T):
            h = (h.detach() if t % 6 == 0 else h) @ u
            total = total + h.mean()
        total.backward()

    assert not list(recorded(tmp_path, train).of_kind("recurrence"))


def test_gradients_and_buffers_stay_what_they_are(tmp_path: Path) -> None:
    cell, layer = torch.nn.LSTMCell(D, H), torch.nn.LSTM(D, H).float()
    x = torch.randn(T, N, D)
    parameters = [*cell.parameters(), *layer.parameters()]

    def gradients() -> list[Any]:
        for parameter in parameters:
            parameter.grad = None
        h = c = torch.zeros(N, H)
        total, state = torch.zeros(()), None
        for t in range(T):
            h, c = cell(x[t], (h, c))
            one, state = layer(x[t : t + 1].float(), state)
            total = total + h.mean() + one.mean()
        total.backward(retain_graph=True)
        total.backward()
        return [parameter.grad.clone() for parameter in parameters]

    expected = gradients()
    found: list[Any] = []
    recording = recorded(tmp_path, lambda: found.extend(gradients()))
    assert len(list(recording.of_kind("recurrence"))) == 2
    assert all(torch.equal(a, b) for a, b in zip(expected, found, strict=True))


def test_a_long_loop_is_followed_now_and_then(tmp_path: Path) -> None:
    u, long = rotation(0.99), 700

    def train() -> None:
        h, total = torch.ones(1, H), torch.zeros(())
        for _ in range(long):
            h = torch.tanh(h @ u)
            total = total + h.mean()
        total.backward()

    recording = recorded(tmp_path, train, times=14)
    (site,) = recording.of_kind("recurrence")
    probes = recording.probes(site)
    assert 8 <= len(probes) < 14
    assert probes[0]["times"] == long
