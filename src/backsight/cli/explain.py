"""`backsight explain`: what a rule or an error means, from its own docstring."""

from __future__ import annotations

import difflib
import inspect
from typing import TYPE_CHECKING

import click

from .. import errors

if TYPE_CHECKING:
    from ..diagnosis import Rule


@click.command(
    epilog="""\b
Examples:
  backsight explain BS301
  backsight explain clip-blocks-loss
  backsight explain ShapeError
  backsight explain                list all there is to explain"""
)
@click.argument("topic", required=False)
def explain(topic: str | None) -> None:
    """Say what a rule or an error means."""
    from ..diagnosis import all_rules, broken_rules, find_rule

    if topic is None:
        for each in all_rules():
            click.echo(f"{each.code} {each.name}: {each.summary}")
        for name, kind in known_errors().items():
            click.echo(f"{name}: {(kind.__doc__ or '').partition(chr(10))[0]}")
        for line in broken_rules():
            click.echo(f"backsight: not loaded: {line}", err=True)
        return
    rule = find_rule(topic)
    if rule is not None:
        click.echo(f"{rule.code} {rule.name}\n\n{rule.__doc__}\n\n{settings_of(rule)}")
        return
    error = {name.lower(): kind for name, kind in known_errors().items()}.get(topic.lower())
    if error is None:
        raise click.UsageError(f"there is nothing named {topic!r} to explain{nearest(topic)}")
    click.echo(f"{error.__name__}\n\n{inspect.cleandoc(error.__doc__ or '')}")


def settings_of(rule: Rule) -> str:
    """Show the thresholds of a rule with their defaults, how to set them, how to silence it."""
    shown = [f"    {name} = {value}" for name, value in rule.thresholds.items()]
    told = ["Thresholds, as they are set in pyproject.toml:", f"\n    [tool.backsight.{rule.code}]"]
    lines = [*told, *shown, ""] if shown else []
    return "\n".join(
        [
            *lines,
            f"To silence it at one place: # backsight: ignore[{rule.code}] on the line;",
            f'everywhere: ignore = ["{rule.code}"] under [tool.backsight].',
        ]
    )


def known_errors() -> dict[str, type[BaseException]]:
    """Return the errors and warnings of Backsight by name."""
    return {
        name: kind
        for name, kind in vars(errors).items()
        if isinstance(kind, type)
        and issubclass(kind, Exception)
        and kind.__module__ == errors.__name__
    }


def nearest(topic: str) -> str:
    """Suggest what may have been meant."""
    from ..diagnosis import all_rules

    names = [name for rule in all_rules() for name in (rule.code, rule.name)] + list(known_errors())
    by_lower = {name.lower(): name for name in names}
    close = difflib.get_close_matches(topic.lower(), by_lower, n=1)
    return f". Did you mean {by_lower[close[0]]}?" if close else f"; there is {', '.join(names)}"
