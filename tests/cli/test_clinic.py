"""`backsight clinic`: the list, the programs, a round, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from backsight.cli.command import commands
from backsight.clinic import all_cases

from ..watching.programs import backsight


def clinic(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(commands, ["clinic", *arguments])
    return result.exit_code, result.output


def test_every_case_is_listed() -> None:
    code, text = clinic("--list")
    assert code == 0
    for case in all_cases():
        assert f"{case.name} " in text
        assert case.title in text


def test_programs_are_shown_sick_before_cured() -> None:
    code, text = clinic("dqn", "--show", "--framework", "backsight")
    assert code == 0
    sick, cured = text.index("dqn/sick_backsight.py"), text.index("dqn/cured_backsight.py")
    assert sick < text.index("np.clip(delta, -1, 1)") < cured < text.index("bs.huber(delta")


def test_a_round_shows_the_figures_and_keeps_what_it_is_told_to(tmp_path: Path) -> None:
    case = ("clinic", "raw-sigmoid-overflow", "--framework", "backsight")
    run = backsight(tmp_path, *case, "--keep", "here")
    assert run.returncode == 0, run.stderr
    text = " ".join(run.stdout.split())
    assert text.startswith("The clinic")
    assert "raw-sigmoid-overflow" in text
    assert "nan" in text
    assert "→" in text
    kept = {path.name for path in (tmp_path / "here" / "raw-sigmoid-overflow").iterdir()}
    assert {"sick_backsight.py", "cured_backsight.py", "sick_backsight.json"} <= kept
    again = backsight(tmp_path, "diagnose", "here/raw-sigmoid-overflow/sick_backsight.bsr")
    assert again.returncode == 0, again.stderr


def test_nothing_is_left_behind_unasked(tmp_path: Path) -> None:
    run = backsight(
        tmp_path, "clinic", "raw-sigmoid-overflow", "--framework", "backsight", TMPDIR=str(tmp_path)
    )
    assert run.returncode == 0
    assert not list(tmp_path.iterdir())


def test_an_unknown_case_is_refused_with_the_names(tmp_path: Path) -> None:
    run = backsight(tmp_path, "clinic", "flu")
    assert run.returncode == 2
    assert run.stderr.startswith("backsight: the clinic has no case 'flu'; it has ")


@pytest.mark.parametrize("name", ["both", "backsight"])
def test_without_pytorch_the_programs_of_the_engine_remain(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    code, text = clinic("dqn", "--show", "--framework", name)
    assert code == 0
    assert "sick_torch" not in text
