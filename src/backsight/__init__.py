"""Backsight shows the backward pass: an engine, pictures and derivations, and a debugger.

    import backsight as bs

    w = bs.tensor([2.0, -3.0], name="w")
    loss = np.sum((bs.sigmoid(x * w) - y) ** 2)
    loss.backward()          # w.grad
    bs.trace(loss)           # the whole pass as data

Importing this package loads nothing, not even NumPy: under `backsight run` the script itself
decides how NumPy is loaded (with how many threads, say). Everything comes on first use.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import nn as nn
    from .adapters.engine_trace import record as record
    from .adapters.engine_trace import trace as trace
    from .checking import check as check
    from .derivation import derive as derive
    from .diagnosis import diagnose as diagnose
    from .engine import Tensor as Tensor
    from .engine import grad as grad
    from .engine import hessian as hessian
    from .engine import hvp as hvp
    from .engine import jacobian as jacobian
    from .engine import jvp as jvp
    from .engine import no_grad as no_grad
    from .engine import tensor as tensor
    from .engine import value_and_grad as value_and_grad
    from .engine import vjp as vjp
    from .ops import *  # noqa: F403 - every op, each in the __all__ of its module
    from .pictures import draw as draw
    from .traces.store import load_trace as load  # noqa: F401
    from .traces.store import save_trace as save  # noqa: F401
    from .watching import watch as watch

__version__ = "0.1.0"

_ELSEWHERE = {
    "check": "checking:check",
    "derive": "derivation:derive",
    "diagnose": "diagnosis:diagnose",
    "draw": "pictures:draw",
    "load": "traces.store:load_trace",
    "nn": "nn:",
    "record": "adapters.engine_trace:record",
    "save": "traces.store:save_trace",
    "trace": "adapters.engine_trace:trace",
    "watch": "watching:watch",
}


def __getattr__(name: str) -> Any:
    """Load a public name when it is first asked for; the first op brings all of them."""
    if name in _ELSEWHERE:
        place, _, attribute = _ELSEWHERE[name].partition(":")
        module = importlib.import_module(f".{place}", __name__)
        found = globals()[name] = getattr(module, attribute) if attribute else module
        return found
    if not name.startswith("_") and "Tensor" not in globals():
        _load_engine()
        if name in globals():
            return globals()[name]
    raise AttributeError(f"module 'backsight' has no attribute {name!r}")


def __dir__() -> list[str]:
    if "Tensor" not in globals():
        _load_engine()
    return sorted({*globals(), *_ELSEWHERE})


def _load_engine() -> None:
    for module in (importlib.import_module(f".{part}", __name__) for part in ("ops", "engine")):
        globals().update(
            {
                name: value
                for name, value in vars(module).items()
                if not name.startswith("_") and not isinstance(value, ModuleType)
            }
        )
