"""`backsight explain`: rules and errors in their own words."""

from __future__ import annotations

import textwrap
import tomllib

import pytest
from click.testing import CliRunner

from backsight.cli.command import commands
from backsight.diagnosis import all_rules


def explained(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(commands, ["explain", *arguments])
    return result.exit_code, result.output


@pytest.mark.parametrize("topic", ["BS301", "bs301", "clip-blocks-loss", "clip_blocks_loss"])
def test_a_rule_is_explained_by_code_or_name(topic: str) -> None:
    code, text = explained(topic)
    assert code == 0
    assert text.startswith("BS301 clip-blocks-loss\n")
    for part in ("Fires on::", "Silent on::", "What helps:", "Source:"):
        assert part in text
    _, _, settings = text.partition("pyproject.toml:\n")
    table = tomllib.loads(textwrap.dedent(settings.partition("\nTo silence")[0]))
    assert table["tool"]["backsight"]["BS301"] == {"warning": 0.25, "critical": 0.5, "in_a_row": 5}
    assert "# backsight: ignore[BS301]" in settings


def test_an_error_is_explained() -> None:
    code, text = explained("ShapeError")
    assert code == 0
    assert "transposed weight" in text


def test_everything_is_listed() -> None:
    _, text = explained()
    for rule in all_rules():
        assert f"{rule.code} {rule.name}: " in text
    assert "FileFormatError: " in text


def test_the_unknown_is_refused_with_a_suggestion() -> None:
    code, text = explained("BS31")
    assert code == 2
    assert "there is nothing named 'BS31' to explain. Did you mean BS301?" in text
