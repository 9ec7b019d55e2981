"""`backsight draw`: the graph of a script's backward pass, or an op with its derivative."""

from __future__ import annotations

from pathlib import Path

import click

from .step import check_output, step_options, trace_of


@click.command(
    short_help="Draw the graph of a script's backward pass.",
    context_settings={"allow_interspersed_args": False},  # what follows the script is the script's
    epilog="""\b
Examples:
  backsight draw train.py                     the graph of the first step, as SVG
  backsight draw -o step.html train.py        in a page; the suffix says the format
  backsight draw --step 100 train.py --lr 3   the hundredth backward pass
  backsight draw --no-fold small.py           every value in a box of its own
  backsight draw -o again.svg trace.npz       a trace saved by backsight.save
  backsight draw --op sigmoid                 an op with its derivative""",
)
@click.option(
    "-o", "--output", "file", metavar="FILE",
    help="Where to draw.  [default: backsight/<script>.svg]",
)  # fmt: skip
@click.option("--no-fold", is_flag=True, help="Fold nothing: a box for every value.")
@click.option(
    "--most", type=click.IntRange(min=2), metavar="N",
    help="Fold until there are at most N boxes.  [default: 48]",
)  # fmt: skip
@click.option("--op", "op", metavar="NAME", help="Draw an op with its derivative; no script.")
@step_options
def draw(
    script: str | None,
    args: tuple[str, ...],
    *,
    file: str | None,
    no_fold: bool,
    most: int | None,
    op: str | None,
    step: int,
    module: bool,
) -> None:
    """Draw the forward and backward pass of one step of a script.

    The script runs up to its first backward pass (`--step N`: its N-th) and is stopped there.
    Values stand above the lines, gradients below; large networks are folded.
    """
    if (script is None) == (op is None):
        raise click.UsageError("what to draw? backsight draw train.py, or backsight draw --op relu")
    if no_fold and most is not None:
        raise click.UsageError("--no-fold folds nothing and --most folds; give one of them")
    check_output(file)
    if op is not None:
        from ..pictures.ops import draw_op

        plot = draw_op(op)
        place = placed(file, op)
        plot.save(place)
    else:
        assert script is not None
        folder = Path.cwd()  # the script may go elsewhere
        trace, name = trace_of(script, args, step, module=module)
        from ..pictures.graph import MOST_CELLS
        from ..pictures.graph import draw as drawn

        place = placed(file, name, folder)
        picture = drawn(trace, most=None if no_fold else most or MOST_CELLS)
        picture.save(place)
    click.echo(f"backsight: drawn: {shown(place)}", err=True)


def placed(file: str | None, name: str, folder: Path | None = None) -> Path:
    """Return where a picture goes; make `backsight/` if it goes there."""
    folder = folder or Path.cwd()
    if file is not None:
        return folder / file
    place = folder / "backsight" / f"{name}.svg"
    place.parent.mkdir(exist_ok=True)
    return place


def shown(path: Path) -> str:
    """Return a path as the user would type it."""
    try:
        return str(path.relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)
