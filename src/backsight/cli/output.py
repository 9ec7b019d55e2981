"""What `run` and `diagnose` share: in which form a diagnosis is given, and where to."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

import click

if TYPE_CHECKING:
    from ..diagnosis import Diagnosis

FORMATS = ("text", "json", "sarif", "github")
SEVERITIES = ("info", "warning", "critical")
FOUND = 10
"""The exit code of `--fail-on`, in place of 0."""

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True)
class Output:
    """Where a diagnosis goes and in which form; `file` is None for the command's own stream."""

    format: str = "text"
    file: str | None = None
    fail_on: str | None = None
    quiet: bool = False

    def __post_init__(self) -> None:
        if self.file in (None, "-"):
            return
        # Said before the run, not after hours of it.
        path = Path(str(self.file))
        if path.is_dir():
            raise click.UsageError(f"--output {path} is a folder; give the name of a file in it")
        if not path.absolute().parent.is_dir():
            raise click.UsageError(f"--output {path}: the folder {path.parent} does not exist")

    def show(self, diagnosis: Diagnosis, stream: TextIO, stdout: TextIO | None = None) -> int:
        """Give out a diagnosis, to `stream` unless `--output` says else. Return the exit code."""
        if self.file is not None and self.file != "-":
            self._write(diagnosis, Path(self.file), stream)
        elif self.file == "-":
            print(diagnosis.to_text(self.format), end="", file=stdout or sys.stdout, flush=True)
        elif self.format != "text":
            print(diagnosis.to_text(self.format), end="", file=stream, flush=True)
        elif diagnosis.findings or not self.quiet:
            self._paint(diagnosis, stream)
        return self.exit_code(diagnosis)

    @property
    def alone(self) -> bool:
        """Whether a machine reads what goes to stderr: then nothing else of ours may."""
        return self.file is None and self.format != "text"

    def exit_code(self, diagnosis: Diagnosis) -> int:
        """Return 10 if there is a finding as severe as `--fail-on` says, else 0."""
        from ..diagnosis import worst

        severity = worst(diagnosis)
        if self.fail_on is None or severity is None:
            return 0
        return FOUND if SEVERITIES.index(severity.label) >= SEVERITIES.index(self.fail_on) else 0

    def _write(self, diagnosis: Diagnosis, path: Path, stream: TextIO) -> None:
        from ..pages import write_text

        try:
            write_text(path, diagnosis.to_text(self.format))
        except OSError as error:  # hours may lie behind it: it is told here instead
            print(f"backsight: {path} cannot be written ({error})", file=stream)
            self._paint(diagnosis, stream)

    def _paint(self, diagnosis: Diagnosis, stream: TextIO) -> None:
        # Imported late: they load rich, which no script should have to wait for.
        from rich.console import Console

        from ..pages import to_terminal

        to_terminal(diagnosis.page(with_scope=not self.quiet), Console(file=stream))


def output_options(command: Command) -> Command:
    """Give a command the options of `Output`, as the argument `output`."""

    def collected(
        *args: Any,
        format: str,
        file: str | None,
        fail_on: str | None,
        quiet: bool,
        **rest: Any,
    ) -> Any:
        return command(*args, output=Output(format, file, fail_on, quiet), **rest)

    collected.__name__, collected.__doc__ = command.__name__, command.__doc__
    collected.__click_params__ = getattr(command, "__click_params__", [])  # type: ignore[attr-defined]
    for option in reversed(
        (
            click.option(
                "--format",
                type=click.Choice(FORMATS),
                default="text",
                show_default=True,
                help="Form of the diagnosis; sarif for code scanners, github for workflow logs.",
            ),
            click.option(
                "-o", "--output", "file", metavar="FILE", help="Write it to FILE; - is stdout."
            ),
            click.option(
                "--fail-on",
                type=click.Choice(SEVERITIES),
                help="Exit with 10 instead of 0 if there is a finding this severe.",
            ),
            click.option("--quiet", "-q", is_flag=True, help="Print findings only."),
        )
    ):
        collected = option(collected)
    return collected  # type: ignore[return-value]
