"""Whatever of ours raises: the training goes on, to the same numbers, and one line says so.

Every function of the sources, of the session and of the recording is made to raise in turn.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import io
import pkgutil
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import backsight as bs
from backsight.nn.optim import Adam

torch = pytest.importorskip("torch")
pytestmark = [pytest.mark.torch, pytest.mark.prove]

OFF = "watching is switched off, the script goes on (RuntimeError: our own bug)"

# What stands in the way of a call must hand it on, or is too plain to fail.
TOO_PLAIN = {
    *("__torch_function__", "untold", "unframed", "spent", "due_next", "here", "recording"),
    *(
        "_before",
        "_enter",
        "_leave",
        "fail",
        "end",
        "finish",
        "say",
        "on_end",
        "observed_so_far",
        "close",
        "finished",
        "path",
    ),
}


def modules(*names: str) -> list[ModuleType]:
    """Load modules, and those in them."""
    found = []
    for name in names:
        module = importlib.import_module(name)
        found.append(module)
        for each in pkgutil.iter_modules(getattr(module, "__path__", ()), f"{name}."):
            found += modules(each.name)
    return found


def places(module: ModuleType) -> Iterator[tuple[Any, str]]:
    """Go through the functions of a module and the methods of its classes."""
    for name, value in vars(module).items():
        if getattr(value, "__module__", None) != module.__name__ or name in TOO_PLAIN:
            continue
        if inspect.isfunction(value):
            yield module, name
        elif inspect.isclass(value) and not issubclass(value, tuple):
            for method, each in vars(value).items():
                special = method.startswith("__") and method != "__init__"
                if inspect.isfunction(each) and not special and method not in TOO_PLAIN:
                    yield value, method


@contextlib.contextmanager
def broken(owner: Any, name: str) -> Iterator[list[int]]:
    """Make a function raise from its second call on, wherever it is known by name."""
    original, calls = vars(owner)[name], [0]

    def raising(*args: Any, **kwargs: Any) -> Any:
        calls[0] += 1
        if calls[0] > 1:
            raise RuntimeError("our own bug")
        return original(*args, **kwargs)

    holders = [owner]
    if isinstance(owner, ModuleType):
        holders = [m for key, m in list(sys.modules.items())
                   if key.startswith("backsight.") and vars(m).get(name) is original]  # fmt: skip
    for each in holders:
        setattr(each, name, raising)
    try:
        yield calls
    finally:
        for each in holders:
            setattr(each, name, original)


def by_torch() -> Any:
    """Train a little of everything with PyTorch; return all numbers that came out."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        words, inner = torch.nn.Embedding(7, 4), torch.nn.Linear(4, 4, bias=False)
        net = torch.nn.Sequential(
            *(torch.nn.BatchNorm1d(4), torch.nn.ReLU(), torch.nn.Dropout(0.1)),
            *(torch.nn.Linear(4, 3), torch.nn.Sigmoid()),
        )
        rest = [*inner.parameters(), *net.parameters()]
        optimizer, own = torch.optim.Adam(rest, 1e-2), list(words.parameters())
        losses = []
        for _ in range(3):
            x = words(torch.arange(7))
            for _ in range(4):
                x = torch.tanh(inner(x))
            with torch.no_grad():
                aim = net(x.detach()).round()
            loss = torch.nn.functional.mse_loss(net(x).clamp(0.1, 0.9), aim)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(rest, 1.0)
            optimizer.step()
            with torch.no_grad():
                for p in own:
                    p -= 0.1 * p.grad
                    p.grad = None
            losses.append(loss.item())
        return losses, [p.tolist() for p in (*own, *rest)], torch.rand(1).item()


def by_engine() -> Any:
    """Train a little of everything with the engine; return all numbers that came out."""
    rng = np.random.default_rng(0)
    w, v = (bs.tensor(rng.normal(size=(4, 4)) * 0.5, name=name) for name in "wv")
    words, gain = bs.tensor(rng.normal(size=(7, 4))), bs.tensor(np.ones(4))
    optimizer, losses = Adam([w, v, gain], 1e-2), []
    for _ in range(3):
        x = bs.embedding(words, indices=np.arange(7))
        for _ in range(4):
            x = np.tanh(x @ w)
        h = bs.sigmoid(bs.relu(bs.batch_norm(x, gain, np.zeros(4))) @ v)
        loss = np.mean((np.clip(h, 0.1, 0.9) - np.round(h.value)) ** 2)
        for p in (w, v, gain, words):
            p.grad = None
        loss.backward()
        optimizer.step()
        words.value -= 0.1 * words.grad
        losses.append(loss.item())
    return losses, [p.value.tolist() for p in (w, v, gain, words)]


def reached(train: Callable[[], Any]) -> set[Any]:
    """Return the code that runs while this is watched."""
    found = set()
    with bs.watch(every_step=True):
        sys.setprofile(lambda frame, event, _: event == "call" and found.add(frame.f_code))
        try:
            train()
        finally:
            sys.setprofile(None)
    return found


def trials(train: Callable[[], Any], found: list[ModuleType]) -> tuple[int, int]:
    """Break each function that is used; return how many that were, and how many told of it."""
    expected, used = train(), reached(train)
    tried = told = 0
    for module in found:
        for owner, name in list(places(module)):
            if vars(owner)[name].__code__ not in used:
                continue
            error = io.StringIO()
            with broken(owner, name) as calls, contextlib.redirect_stderr(error):
                with bs.watch(every_step=True) as run:
                    got = train()
                assert got == expected, (owner, name)
            said = error.getvalue()
            assert said.count("\n") <= 1, (owner, name, said)
            assert OFF in said or not said, (owner, name, said)
            assert run.diagnosis.failure or not said, (owner, name, said)
            tried, told = tried + (calls[0] > 1), told + bool(said)
    with bs.watch(every_step=True) as run:  # and nothing of it has stayed behind
        assert train() == expected
    assert not run.diagnosis.failure
    return tried, told


SHARED = (
    "backsight.watching.session",
    "backsight.watching.sampling",
    "backsight.traces.recording_writer",
    "backsight.adapters.figures",
)


def test_any_failure_of_ours_leaves_pytorch_unharmed() -> None:
    found = modules("backsight.adapters.torch", *SHARED)
    tried, told = trials(by_torch, found)
    assert tried >= 100
    assert told >= 80


def test_any_failure_of_ours_leaves_the_engine_unharmed() -> None:
    sources = ("backsight.adapters.engine_sites", "backsight.adapters.engine_probe")
    tried, told = trials(by_engine, modules(*sources, *SHARED))
    assert tried >= 80
    assert told >= 60
