"""`backsight derive`: the chain rule of a script's backward pass, worked by hand."""

from __future__ import annotations

from pathlib import Path

import click

from .step import check_output, step_options, trace_of


@click.command(
    short_help="Work out the gradients of a script's step by hand.",
    context_settings={"allow_interspersed_args": False},  # what follows the script is the script's
    epilog="""\b
Examples:
  backsight derive neuron.py                     the first step, on the terminal
  backsight derive -o neuron.tex neuron.py       .txt, .md, .tex or .html
  backsight derive --wrt "W1[0, 3]" net.py       the path to one element
  backsight derive --lr 0.1 --step 10 train.py   the tenth step, and its update
  backsight derive trace.npz                     a trace saved by backsight.save""",
)
@click.option(
    "-o", "--output", "file", metavar="FILE",
    help="Write it to FILE; the suffix says the format.  [default: text, to stdout]",
)  # fmt: skip
@click.option(
    "--wrt", multiple=True, metavar="NAME",
    help="By what to differentiate; may be repeated.  [default: all parameters]",
)  # fmt: skip
@click.option(
    "--lr", type=float, default=1.0, show_default=True, metavar="RATE",
    help="The learning rate of the descent step at the end.",
)  # fmt: skip
@step_options
def derive(
    script: str | None,
    args: tuple[str, ...],
    *,
    file: str | None,
    wrt: tuple[str, ...],
    lr: float,
    step: int,
    module: bool,
) -> None:
    """Work out one step of a script by hand: symbols first, then numbers.

    The script runs up to its first backward pass (`--step N`: its N-th) and is stopped there. Of a
    large network one path is followed: that on which the gradient is largest.
    """
    if script is None:
        raise click.UsageError("which script? backsight derive train.py")
    check_output(None if file == "-" else file)
    folder = Path.cwd()  # the script may go elsewhere
    trace, _ = trace_of(script, args, step, module=module)
    from ..derivation.derivation import derive as derivation_of

    found = derivation_of(trace, wrt or None, lr=lr)
    if file is None or file == "-":
        click.echo(str(found))
    else:
        found.save(folder / file)
        click.echo(f"backsight: derived: {file}", err=True)
