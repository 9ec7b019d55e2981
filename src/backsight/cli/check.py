"""`backsight check`: compare hand-written backward passes with differences."""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path

import click

WRONG = 1


@click.command(
    short_help="Check hand-written forward/backward pairs.",
    epilog="""\b
Examples:
  backsight check layers.py                  every *_forward with its *_backward
  backsight check layers.py affine           that pair alone
  backsight check layers.py --format json -o check.json""",
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@click.option("-o", "--output", default="-", help="A file to write to; - is stdout.")
@click.option("--seed", default=0, help="The seed of inputs and upstream gradients.")
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("name", required=False, default="")
def check(file: Path, name: str, form: str, output: str, seed: int) -> int:
    """Check the backward passes in a file against differences, and say what is wrong with them.

    Pairs are functions of one name: affine_forward and affine_backward. Inputs come from
    affine_inputs() if there is one, else they are drawn in the shapes that the docstring states: x
    (N, D), w (D, M). Exits with 1 if any gradient is wrong. What the checked code prints goes to
    stderr.
    """
    from rich.console import Console

    from ..checking import Check, Result
    from ..checking import check as check_pair
    from ..checking.files import pairs_in
    from ..pages import to_terminal, to_text, write_text

    results: list[Result] = []
    with contextlib.redirect_stdout(sys.stderr):
        for pair in pairs_in(file, name, seed=seed):
            found = check_pair(pair.forward, pair.backward, *pair.inputs, seed=seed, name=pair.name)
            results += found.results
    whole = Check(tuple(results))
    text = json.dumps(whole.to_dict(), indent=2) + "\n" if form == "json" else to_text(whole.page())
    if output != "-":
        write_text(Path(output), text)
    elif form == "json":
        click.echo(text, nl=False)
    else:
        to_terminal(whole.page(), Console())
    return 0 if whole.ok else WRONG
