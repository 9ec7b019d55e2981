"""What is recorded of PyTorch's optimisers, against the gradients and rates that a script sees."""

from __future__ import annotations

import copy
import math
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import backsight as bs
from backsight.traces.recording import Recording, Site, load_recording

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

F = torch.nn.functional
SGD = torch.optim.SGD


def recorded(train: Callable[[], Any], folder: Path, **options: Any) -> Recording:
    with bs.watch(folder / "run.bsr", **(options or {"every_step": True})) as run:
        train()
    assert not run.diagnosis.failure
    return load_recording(folder / "run.bsr")


def optimizers(recording: Recording) -> list[Site]:
    return list(recording.of_kind("optimizer"))


def figures(recording: Recording, site: Site, name: str) -> list[Any]:
    return [probe.figures.get(name) for probe in recording.probes(site)]


def problem(seed: int = 0) -> tuple[Any, Any, Any]:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(32, 4, generator=generator)
    net = torch.nn.Linear(4, 1)
    with torch.no_grad():
        net.weight.copy_(torch.randn(1, 4, generator=generator))
        net.bias.zero_()
    return net, x, torch.randn(32, 1, generator=generator)


def norm(net: Any) -> float:
    return math.sqrt(sum(float((p.grad**2).sum()) for p in net.parameters()))


@pytest.mark.parametrize("how", ["none", "zeros", "by hand", "replaced", "never"])
def test_gradients_that_nobody_clears(how: str, tmp_path: Path) -> None:
    net, x, y = problem()

    def train() -> None:
        opt = SGD(net.parameters(), 1e-4)
        for _ in range(4):
            if how in ("none", "zeros"):
                opt.zero_grad(set_to_none=how == "none")
            elif how == "by hand":
                for p in net.parameters():
                    p.grad = None
            elif how == "replaced":
                for p in net.parameters():
                    p.grad = torch.zeros_like(p)
            F.mse_loss(net(x), y).backward()
            opt.step()

    recording = recorded(train, tmp_path)
    (site,) = optimizers(recording)
    expected = float(how == "never")
    assert figures(recording, site, "kept") == [None, expected, expected, expected]


@pytest.mark.parametrize("clip", [0.05, 1e9])
def test_clipping_between_backward_and_update_is_measured(clip: float, tmp_path: Path) -> None:
    net, x, y = problem()
    truth: list[tuple[float, float]] = []

    def train() -> None:
        opt = SGD([{"params": [net.weight], "lr": 1e-3}, {"params": [net.bias], "lr": 2e-3}])
        for _ in range(5):
            opt.zero_grad()
            F.mse_loss(net(x), y).backward()
            before = norm(net)
            torch.nn.utils.clip_grad_norm_(net.parameters(), clip)
            truth.append((before, norm(net)))
            opt.step()

    recording = recorded(train, tmp_path)
    (site,) = optimizers(recording)
    used, coefficients = (figures(recording, site, n) for n in ("gradient_norm", "coefficient"))
    assert used == pytest.approx([after for _, after in truth], rel=1e-5)
    assert coefficients == pytest.approx([after / before for before, after in truth], rel=1e-5)
    assert figures(recording, site, "learning_rate") == [2e-3] * 5  # the largest of the groups
    seen = [step.gradient_norm for step in recording.steps]
    assert seen == pytest.approx([before for before, _ in truth], rel=1e-5)
    assert [step.learning_rate for step in recording.steps] == [2e-3] * 5


def test_a_scaled_loss_has_comparable_norms_and_skipped_steps_are_left_out(tmp_path: Path) -> None:
    net, x, y = problem()
    truth: list[float] = []

    def train() -> None:
        opt = SGD(net.parameters(), 1e-3)
        scaler = torch.amp.GradScaler("cpu", init_scale=2.0**16, growth_interval=4)
        for i in range(12):
            opt.zero_grad()
            scaler.scale(F.mse_loss(net(x), y) * (1e38 if i in (2, 7) else 1)).backward()
            scaler.unscale_(opt)
            whole = all(bool(torch.isfinite(p.grad).all()) for p in net.parameters())
            truth.extend([norm(net)] if whole else [])
            scaler.step(opt)
            scaler.update()

    recording = recorded(train, tmp_path)
    (site,) = optimizers(recording)
    assert len(truth) == 10  # the others were skipped
    assert figures(recording, site, "gradient_norm") == pytest.approx(truth, rel=1e-4)
    assert figures(recording, site, "coefficient") == pytest.approx([1.0] * len(truth), rel=1e-4)
    known = [step.gradient_norm for step in recording.steps if step.gradient_norm is not None]
    assert known == pytest.approx(truth, rel=1e-4)
    assert not any(event.kind == "non-finite" for event in recording.events)
    for each in recording.of_kind("parameter"):
        assert 1.0 not in figures(recording, each, "unchanged")


def test_two_optimisers_clear_and_update_in_their_own_time(tmp_path: Path) -> None:
    d, x, _ = problem(1)
    g = torch.nn.Linear(4, 4)

    def train() -> None:
        for_d, for_g = SGD(d.parameters(), 1e-3), SGD(g.parameters(), 2e-3)
        for _ in range(4):
            for_d.zero_grad()
            for _ in range(2):
                d(g(x).detach()).square().mean().backward()
            for_d.step()
            for_g.zero_grad()
            (1 - d(g(x))).square().mean().backward()
            for_g.step()

    recording = recorded(train, tmp_path)
    one, two = optimizers(recording)
    for site, rate in ((one, 1e-3), (two, 2e-3)):
        assert figures(recording, site, "kept") == [None, 0, 0, 0]
        assert figures(recording, site, "learning_rate") == [rate] * 4
        assert figures(recording, site, "coefficient") == pytest.approx([1.0] * 4)
    assert one.attributes["parameters"] == ["d.weight", "d.bias"]
    for site in recording.of_kind("parameter"):  # four updates of its own optimiser, all real
        assert [u for u in figures(recording, site, "unchanged") if u is not None] == [0.0] * 4


def test_accumulated_passes_are_one_update(tmp_path: Path) -> None:
    net, x, y = problem()

    def train() -> None:
        opt = SGD(net.parameters(), 1e-3)
        for i in range(12):
            (F.mse_loss(net(x[i::12]), y[i::12]) / 4).backward()
            if i % 4 == 3:
                opt.step()
                opt.zero_grad()

    recording = recorded(train, tmp_path)
    (site,) = optimizers(recording)
    assert [probe.step for probe in recording.probes(site)] == [4, 8, 12]
    assert figures(recording, site, "kept") == [None, 0, 0]
    for each in recording.of_kind("parameter"):
        found = figures(recording, each, "unchanged")
        assert [i + 1 for i, u in enumerate(found) if u is not None] == [4, 8, 12]
        assert set(found) == {None, 0.0}


def test_an_update_with_its_passes_inside(tmp_path: Path) -> None:
    net, x, y = problem()
    changes: list[float] = []

    def train() -> None:
        opt = torch.optim.LBFGS(net.parameters(), lr=0.5, max_iter=4)

        def closure() -> Any:
            opt.zero_grad()
            loss = F.mse_loss(net(x), y)
            loss.backward()
            return loss

        for _ in range(3):
            before = net.weight.detach().clone()
            opt.step(closure)
            changes.append(float((net.weight.detach() - before).std(correction=0)))

    recording = recorded(train, tmp_path)
    (site,) = optimizers(recording)
    assert site.op == "LBFGS"
    assert figures(recording, site, "kept") == [None, 0, 0]
    (weight,) = (s for s in recording.of_kind("parameter") if s.parameter == "net.weight")
    found = [u for u in figures(recording, weight, "update_std") if u is not None]
    assert found == pytest.approx(changes, rel=1e-4)


def by_hand_in_place(p: Any, rate: float) -> Any:
    with torch.no_grad():
        p -= rate * p.grad
    p.grad = None
    return p


def by_hand_on_data(p: Any, rate: float) -> Any:
    p.data.add_(p.grad, alpha=-rate)
    p.grad.zero_()
    return p


def by_hand_anew(p: Any, rate: float) -> Any:
    return (p.detach() - rate * p.grad).requires_grad_()


@pytest.mark.parametrize("update", [by_hand_in_place, by_hand_on_data, by_hand_anew])
def test_the_rate_of_an_update_by_hand_is_found(
    update: Callable[[Any, float], Any], tmp_path: Path
) -> None:
    _, x, y = problem()
    changes = []

    def train() -> None:
        w = torch.ones(4, 1, requires_grad=True)
        b = torch.zeros(1, requires_grad=True)
        for _ in range(50):
            F.mse_loss(x @ w + b, y).backward()
            before = w.detach().clone()
            w, b = update(w, 0.03), update(b, 0.03)
            changes.append(float((w.detach() - before).std(correction=0)))

    recording = recorded(train, tmp_path)
    rates = [step.learning_rate for step in recording.steps if step.learning_rate is not None]
    assert len(rates) >= 48
    assert rates == pytest.approx([0.03] * len(rates), rel=1e-3)
    (w,) = (site for site in recording.of_kind("parameter") if site.parameter == "w")
    found = [u for u in figures(recording, w, "update_std") if u is not None]
    assert found[:40] == pytest.approx(changes[:40], rel=1e-3)
    assert w.where is not None
    assert w.where.expression == "torch.ones(4, 1, requires_grad=True)"


def test_what_is_no_plain_update_has_no_rate(tmp_path: Path) -> None:
    _, x, y = problem()

    def train() -> None:
        w = torch.ones(4, 1, requires_grad=True)
        for _ in range(20):
            F.mse_loss(x @ w, y).backward()
            with torch.no_grad():
                w -= 0.01 * w.grad.sign()
            w.grad = None

    recording = recorded(train, tmp_path)
    assert all(step.learning_rate is None for step in recording.steps)


def test_steps_that_are_not_observed_have_loss_rate_and_norm(tmp_path: Path) -> None:
    net, x, y = problem()
    truth: list[tuple[float, float, float]] = []

    def train() -> None:
        opt = torch.optim.Adam(net.parameters(), 1e-3)
        schedule = torch.optim.lr_scheduler.StepLR(opt, 10, 0.5)
        for _ in range(60):
            opt.zero_grad()
            loss = F.mse_loss(net(x), y)
            loss.backward()
            truth.append((loss.item(), norm(net), opt.param_groups[0]["lr"]))
            torch.nn.utils.clip_grad_norm_(net.parameters(), 0.01)
            opt.step()
            schedule.step()

    recording = recorded(train, tmp_path, steps=25)
    assert 20 <= recording.meta["probed"] <= 25
    found = [(step.loss, step.gradient_norm, step.learning_rate) for step in recording.steps]
    assert len(found) == 60
    for (loss, size, rate), expected in zip(found, truth, strict=True):
        assert (loss, size, rate) == pytest.approx(expected, rel=1e-5)


def test_copies_and_subclasses_are_optimisers_too(tmp_path: Path) -> None:
    net, x, y = problem()

    class Mine(torch.optim.Optimizer):
        def __init__(self, params: Any) -> None:
            super().__init__(params, {"lr": 0.25})

        @torch.no_grad()
        def step(self, closure: Any = None) -> None:
            for group in self.param_groups:
                for p in group["params"]:
                    p.sub_(p.grad.sign(), alpha=1e-3)

    def train() -> None:
        opt: Any = Mine(net.parameters())
        for i in range(6):
            if i == 3:
                model_and_opt = copy.deepcopy((net, opt))
                opt = model_and_opt[1]
                for group, old in zip(opt.param_groups, (list(net.parameters()),), strict=True):
                    group["params"] = old
            opt.zero_grad()
            F.mse_loss(net(x), y).backward()
            opt.step()

    recording = recorded(train, tmp_path)
    assert {site.op for site in optimizers(recording)} == {"Mine"}
    assert [step.learning_rate for step in recording.steps] == [0.25] * 6
    assert sum(len(recording.probes(site)) for site in optimizers(recording)) == 6


def test_constructors_are_as_they_were(tmp_path: Path) -> None:
    import inspect

    from torch.optim import lr_scheduler

    owners = [torch.optim.Optimizer, lr_scheduler.LRScheduler, lr_scheduler.ReduceLROnPlateau]
    before = [owner.__init__ for owner in owners]
    hooks = len(torch.nn.modules.module._global_parameter_registration_hooks)
    with bs.watch(tmp_path / "run.bsr"):
        for owner, known in zip(owners, before, strict=True):
            assert owner.__init__ is not known
            assert inspect.signature(owner.__init__) == inspect.signature(known)
        net, _, _ = problem()
        opt = SGD(net.parameters(), 0.1)
        assert pickle.loads(pickle.dumps(opt)).param_groups[0]["lr"] == 0.1
    assert [owner.__init__ for owner in owners] == before
    assert len(torch.nn.modules.module._global_parameter_registration_hooks) == hooks
