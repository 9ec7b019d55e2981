"""`backsight clinic`: known leaks, run sick and cured, each with its diagnosis."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ..clinic import Case, Treatment

AT_ONCE = 2
NOT_RUN = 1
"""The exit code where a program could not be run."""


@click.command(
    epilog="""\b
Examples:
  backsight clinic                         all cases: sick, diagnosed, cured
  backsight clinic dqn --framework torch   one of them, in PyTorch only
  backsight clinic dqn --show              print its programs
  backsight clinic --keep here             keep programs and recordings in ./here"""
)
@click.option("--list", "listed", is_flag=True, help="List the cases, run nothing.")
@click.option("--show", is_flag=True, help="Print the programs, run nothing.")
@click.option(
    "--framework",
    type=click.Choice(("backsight", "torch", "both")),
    default="both",
    show_default=True,
    help="Which programs; both is what is installed.",
)
@click.option(
    "--keep",
    metavar="FOLDER",
    type=click.Path(file_okay=False, path_type=Path),
    help="Run the programs in FOLDER and leave them there.  [default: a temporary folder]",
)
@click.argument("case", required=False)
def clinic(case: str | None, *, listed: bool, show: bool, framework: str, keep: Path | None) -> int:
    """Run known leaks, sick and cured, and show what is found.

    Each case is a training program that does not learn, and the same program with its leak closed.
    """
    # Imported late, as is rich: `backsight run` must not wait for what only the clinic needs.
    from ..clinic import all_cases, available, find_case, page_of

    cases = all_cases() if case is None else (find_case(case),)
    if listed:
        for each in cases:
            click.echo(f"{each.name:<22}{each.title}")
        return 0
    frameworks = available(framework)
    if show:
        for each in cases:
            print_programs(each, frameworks)
        return 0
    with working_folder(keep) as folder:
        treatments = treat_all([(c, f) for c in cases for f in frameworks], folder)
    from rich.console import Console

    from ..pages import to_terminal

    to_terminal(page_of(treatments, told=case is not None), Console())
    return NOT_RUN if any(each.failures for each in treatments) else 0


def print_programs(case: Case, frameworks: Sequence[str]) -> None:
    """Print the programs of a case, sick before cured."""
    from rich.console import Console

    from ..pages import Block, Code, Page, Prose, to_terminal

    blocks: list[Block] = [Prose(case.seed), Prose(case.explanation)]
    for framework in frameworks:
        for state in ("sick", "cured"):
            source = case.program(state, framework)
            blocks.append(Code(source, caption=f"{case.name}/{state}_{framework}.py"))
    to_terminal(Page(case.title, tuple(blocks)), Console())


@contextmanager
def working_folder(keep: Path | None) -> Iterator[Path]:
    """Give the folder that the user named, else one that is removed afterwards."""
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.absolute()
        return
    with tempfile.TemporaryDirectory(prefix="backsight-clinic-") as folder:
        yield Path(folder)


def treat_all(wanted: Sequence[tuple[Case, str]], folder: Path) -> list[Treatment]:
    """Run the programs of each case and framework, two at a time, with a bar on stderr."""
    from rich.console import Console
    from rich.progress import track

    from ..clinic import treat

    with ThreadPoolExecutor(AT_ONCE) as pool:
        # The long ones first, so that none is left alone at the end.
        order = sorted(wanted, key=lambda pair: (pair[0].figure != "return", pair[1] != "torch"))
        running = {pool.submit(treat, case, f, folder): (case, f) for case, f in order}
        try:
            done = {
                running[each]: each.result()
                for each in track(
                    as_completed(running),
                    description="clinic",
                    total=len(running),
                    console=Console(stderr=True),
                    transient=True,
                )
            }
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [done[pair] for pair in wanted]
