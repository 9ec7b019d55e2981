"""What `draw` and `derive` share: a script to run up to a backward pass, or a saved trace."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..watching.program import Program
from ..watching.tracing import trace_script

if TYPE_CHECKING:
    from ..traces.trace import Trace

Command = TypeVar("Command", bound=Callable[..., Any])


def step_options(command: Command) -> Command:
    """Give a command the options `-m` and `--step`, and the script with its arguments."""
    for option in (
        click.argument("args", nargs=-1, type=click.UNPROCESSED),
        click.argument("script", required=False),
        click.option(
            "--step",
            type=click.IntRange(min=1),
            default=1,
            show_default=True,
            metavar="N",
            help="Take the N-th backward pass.",
        ),
        click.option("-m", "module", is_flag=True, help="Run a module as a script."),
    ):
        command = option(command)
    return command


def trace_of(script: str, args: tuple[str, ...], step: int, *, module: bool) -> tuple[Trace, str]:
    """Return the trace of a script's step, or of a saved file, and what to call it in file names.

    Raises UsageError for a script that ends before that step.
    """
    if not module and Path(script).suffix == ".npz":
        from ..traces.store import load_trace

        return load_trace(script), Path(script).stem
    program = Program(script, args, module=module)
    return trace_script(program, step), program.name


def check_output(file: str | None) -> None:
    """Raise click.UsageError, before the script runs, for a file that could not be written."""
    if file is None:
        return
    from ..pages.page import PAINTERS

    path = Path(file)
    if path.suffix.lower() not in PAINTERS:
        known = ", ".join(PAINTERS)
        raise click.UsageError(f"--output {file}: the suffix says the format, one of {known}")
    if not path.absolute().parent.is_dir():
        raise click.UsageError(f"--output {file}: the folder {path.parent} does not exist")
