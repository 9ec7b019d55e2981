"""Act at the moment a module is imported, without importing it ourselves.

Importing NumPy or a framework before the script does would take away what scripts do first: setting
`OMP_NUM_THREADS` and the like, which are read once, on import.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Callable, Sequence
from types import ModuleType

Action = Callable[[ModuleType], None]


def on_import(name: str, action: Action) -> None:
    """Call `action(module)` once, as soon as module `name` is imported: now, if it is already."""
    module = sys.modules.get(name)
    if module is not None:
        action(module)
    else:
        sys.meta_path.insert(0, _Arrival(name, action))


class _Arrival(importlib.abc.MetaPathFinder):
    def __init__(self, name: str, action: Action) -> None:
        self.name = name
        self.action = action

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self.name:
            return None
        sys.meta_path.remove(self)
        spec = next(filter(None, (_asked(f, fullname, path, target) for f in sys.meta_path)), None)
        loader = spec.loader if spec is not None else None
        if loader is not None and hasattr(loader, "exec_module"):
            execute, action = loader.exec_module, self.action

            def execute_and_act(module: ModuleType) -> None:
                execute(module)
                action(module)

            loader.exec_module = execute_and_act  # type: ignore[method-assign]
        return spec


def _asked(
    finder: object, name: str, path: Sequence[str] | None, target: ModuleType | None
) -> importlib.machinery.ModuleSpec | None:
    find = getattr(finder, "find_spec", None)
    return find(name, path, target) if find is not None else None
