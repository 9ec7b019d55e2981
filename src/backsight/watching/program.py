"""The user's program, run as Python itself would run it: as `__main__`, with its own argv."""

from __future__ import annotations

import builtins
import importlib.machinery
import importlib.util
import os
import sys
import types
from collections.abc import Sequence
from pathlib import Path

from ..errors import UsageError

INTERRUPTED = 130


class Stopped(BaseException):
    """Ends a program on purpose: we have seen what we wanted to see."""


class Program:
    """A script or module with its arguments. `run()` runs it; nothing of it runs before.

    Raises UsageError when made if there is no such file, or it is a folder.
    """

    def __init__(self, target: str, arguments: Sequence[str] = (), *, module: bool = False) -> None:
        self.target = target
        self.arguments = list(arguments)
        self.is_module = module
        if not module:
            check_file(target)

    @property
    def name(self) -> str:
        """What to call it in file names: `train` for `examples/train.py`."""
        return self.target if self.is_module else Path(self.target).stem

    def run(self) -> int:
        """Run it and return its exit code; what Python would print on a failure is printed.

        Raises UsageError for an unknown module.
        """
        try:
            module, code = self._module() if self.is_module else self._script()
        except UsageError:
            raise
        except BaseException as error:
            return code_of(error)
        sys.modules["__main__"] = module
        try:
            exec(code, module.__dict__)
        except BaseException as error:
            return code_of(error)
        return 0

    def _script(self) -> tuple[types.ModuleType, types.CodeType]:
        file = os.path.abspath(self.target)  # noqa: PTH100 - as Python does, symbolic links stay
        sys.argv[:] = [self.target, *self.arguments]
        if not sys.flags.safe_path:
            sys.path[0] = os.path.dirname(os.path.realpath(file))  # noqa: PTH120
        source = Path(file).read_bytes()
        module = types.ModuleType("__main__")
        module.__dict__.update(
            __builtins__=builtins,
            __file__=file,
            __cached__=None,
            __loader__=importlib.machinery.SourceFileLoader("__main__", file),
            __annotations__={},
        )
        return module, compile(source, file, "exec", dont_inherit=True)

    def _module(self) -> tuple[types.ModuleType, types.CodeType]:
        sys.argv[:] = ["-m", *self.arguments]
        if not sys.flags.safe_path:
            sys.path[0] = str(Path.cwd())
        spec = found_module(self.target)
        code = getattr(spec.loader, "get_code", lambda _: None)(spec.name)
        if code is None:
            raise UsageError(f"module {self.target} has no Python code to run")
        sys.argv[0] = spec.origin or self.target
        module = types.ModuleType("__main__")
        module.__dict__.update(
            __builtins__=builtins,
            __file__=spec.origin,
            __cached__=spec.cached,
            __loader__=spec.loader,
            __package__=spec.parent,
            __spec__=spec,
            __annotations__={},
        )
        return module, code


def check_file(target: str) -> None:
    """Raise UsageError unless `target` is a file that can be read."""
    path = Path(target)
    if path.is_dir():
        raise UsageError(f"{target} is a folder, not a script")
    if not path.is_file():
        raise UsageError(f"script {target} does not exist (looked in {Path.cwd()})")
    if not os.access(path, os.R_OK):
        raise UsageError(f"script {target} cannot be read")


def found_module(name: str) -> importlib.machinery.ModuleSpec:
    """Find what `python -m name` would run. Raises UsageError if there is no such module."""
    try:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.submodule_search_locations is not None:
            name = f"{name}.__main__"
            spec = importlib.util.find_spec(name)
    except (ModuleNotFoundError, ValueError) as error:
        if isinstance(error, ModuleNotFoundError) and not f"{name}.".startswith(f"{error.name}."):
            raise  # a package above it exists, and imports something that does not
        spec = None
    if spec is None:
        raise UsageError(f"there is no module {name} to run (looked from {Path.cwd()})")
    return spec


def code_of(error: BaseException) -> int:
    """Print what Python prints for an uncaught exception, and return the exit code it gives.

    130 after Ctrl-C, as shells report it. Nothing is printed where we have stopped it ourselves.
    """
    if isinstance(error, Stopped):
        return 0
    if isinstance(error, SystemExit):
        if error.code is None or isinstance(error.code, int):
            return error.code or 0
        print(error.code, file=sys.stderr)
        return 1
    traceback = without_ours(error.__traceback__)
    sys.excepthook(type(error), error.with_traceback(traceback), traceback)
    return INTERRUPTED if isinstance(error, KeyboardInterrupt) else 1


def without_ours(traceback: types.TracebackType | None) -> types.TracebackType | None:
    """Return a traceback without the frames that are there because we watch."""
    kept = []
    while traceback is not None:
        # PyTorch calls a mode of ours through a function of its own.
        through = traceback.tb_frame.f_code.co_name == "handle_torch_function"
        into = traceback.tb_next is not None and _is_ours(traceback.tb_next)
        if not _is_ours(traceback) and not (through and into):
            kept.append(traceback)
        traceback = traceback.tb_next
    for each in reversed(kept):
        traceback = types.TracebackType(traceback, each.tb_frame, each.tb_lasti, each.tb_lineno)
    return traceback


OURS = tuple(
    str(Path(__file__).parents[1] / folder) + os.sep
    for folder in ("watching", "adapters", "traces", "diagnosis")
)


def _is_ours(traceback: types.TracebackType) -> bool:
    return traceback.tb_frame.f_code.co_filename.startswith((*OURS, "<frozen importlib"))
