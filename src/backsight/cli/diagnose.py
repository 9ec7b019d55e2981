"""`backsight diagnose`: the diagnosis of a recording, again or for the first time."""

from __future__ import annotations

import sys

import click

from .output import Output, output_options


@click.command(
    epilog="""\b
Examples:
  backsight diagnose backsight/train.bsr
  backsight diagnose run.bsr --format json -o diagnosis.json"""
)
@output_options
@click.argument("recording", metavar="RUN.bsr")
def diagnose(recording: str, *, output: Output) -> int:
    """Print the diagnosis of a recording, also of a run that was killed or still goes on."""
    from ..diagnosis import diagnose as diagnosis_of

    return output.show(diagnosis_of(recording), sys.stdout)
