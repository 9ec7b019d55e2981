"""The command `backsight`: its sub-commands, and how it fails."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from ..errors import BacksightError
from .check import check
from .clinic import clinic
from .derive import derive
from .diagnose import diagnose
from .draw import draw
from .explain import explain
from .report import report
from .run import run

FAILURE = 2


class Commands(click.Group):
    """The sub-commands. Meets the usual slip, `backsight train.py`, with what was meant."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the sub-command, or say which one was meant."""
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            if name.endswith(".py") or Path(name).is_file():
                verb = "diagnose" if name.endswith(".bsr") else "run"
                raise click.UsageError(f"Did you mean: backsight {verb} {' '.join(args)}", ctx)
            known = ", ".join(self.list_commands(ctx))
            raise click.UsageError(f"there is no command {name!r}; commands: {known}", ctx)
        return super().resolve_command(ctx, args)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="""\b
Examples:
  backsight run train.py                   watch a script, print the diagnosis
  backsight diagnose backsight/train.bsr   the diagnosis of a recording again
  backsight report backsight/train.bsr     write its report again, as HTML
  backsight draw train.py                  the graph of its first backward pass
  backsight derive train.py                the same pass worked by hand
  backsight check layers.py                check hand-written backward passes
  backsight explain BS301                  say what a rule means
  backsight clinic                         known leaks: sick, diagnosed, cured""",
)
@click.version_option(package_name="backsight", prog_name="backsight")
def commands() -> None:
    """See the backward pass: watch a training script and learn where its gradient leaks."""


for _command in (run, diagnose, report, draw, derive, check, explain, clinic):
    commands.add_command(_command)


def main() -> None:
    """Run the command line and exit with its code: 2 for a usage error, with one clear message."""
    try:
        code = commands.main(prog_name="backsight", standalone_mode=False)
    except click.ClickException as error:
        where = f"{error.ctx.command_path} --help" if getattr(error, "ctx", None) else ""  # type: ignore[attr-defined]
        fail(error.format_message(), where)
    except BacksightError as error:
        fail(str(error))
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except BrokenPipeError:
        # The reader (`head`, say) has seen enough; nothing may be flushed into the closed pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    sys.exit(code)


def fail(message: str, help_command: str = "") -> None:
    """Print an error and exit with the code of usage errors."""
    click.echo(f"backsight: {message}", err=True)
    if help_command:
        click.echo(f"See `{help_command}`.", err=True)
    sys.exit(FAILURE)
