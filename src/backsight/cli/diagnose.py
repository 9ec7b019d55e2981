"""`backsight diagnose`: the diagnosis of a recording, again or for the first time."""

from __future__ import annotations

import sys

import click

from .output import Output, output_options


@click.command(
    short_help="Print the diagnosis of a recording again.",
    epilog="""\b
Examples:
  backsight diagnose backsight/train.bsr
  backsight diagnose rank0.bsr rank1.bsr    one run of several processes
  backsight diagnose run.bsr --format sarif -o backsight.sarif""",
)
@output_options
@click.argument("recordings", metavar="FILE...", nargs=-1, required=True)
def diagnose(recordings: tuple[str, ...], *, output: Output) -> int:
    """Print the diagnosis of a recording, also of a run that was killed or still goes on.

    Several files are the recordings of one run, each of a process of its own.
    """
    from ..diagnosis import diagnose as diagnosis_of

    return output.show(diagnosis_of(recordings), sys.stdout)
