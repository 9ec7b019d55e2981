"""`[tool.backsight]` in pyproject.toml: rules switched off, thresholds, and slips told clearly."""

from __future__ import annotations

import dataclasses
import linecache
from pathlib import Path

import pytest

from backsight.diagnosis import diagnose
from backsight.diagnosis.settings import Settings, read_settings, settings_near
from backsight.errors import UsageError
from backsight.traces.trace import Location

from .recordings import clamp_site, recording_of


def written(folder: Path, text: str) -> Path:
    file = folder / "pyproject.toml"
    file.write_text(text)
    return file


def test_rules_and_thresholds_are_read(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        '[tool.backsight]\nignore = ["BS106", "loss-flat"]\nselect = ["BS3", "bs106"]\n'
        "[tool.backsight.BS301]\nwarning = 0.4\n[tool.backsight.vanishing-gradient]\ndepth = 6\n"
        '[tool.backsight.per-file-ignores]\n"old/*.py" = ["BS301"]\n',
    )
    settings = read_settings(file)
    assert settings.ignored == {"BS106", "BS504"}
    assert settings.selected is not None
    assert {"BS106", "BS301", "BS308"} <= settings.selected
    assert all(code.startswith("BS3") for code in settings.selected - {"BS106"})
    assert settings.thresholds == {"BS301": {"warning": 0.4}, "BS101": {"depth": 6}}
    assert settings.per_file == {"old/*.py": {"BS301"}}


def test_the_nearest_file_counts(tmp_path: Path) -> None:
    written(tmp_path, '[tool.backsight]\nignore = ["BS301"]\n')
    inner = tmp_path / "inner" / "scripts"
    inner.mkdir(parents=True)
    (inner / "train.py").touch()
    assert settings_near(inner / "train.py").ignored == {"BS301"}
    assert settings_near(inner).ignored == {"BS301"}
    written(inner.parent, "[project]\nname = 'x'\n")
    assert settings_near(inner / "train.py") == Settings()


@pytest.mark.parametrize(
    ("pattern", "status"),
    [("dqn.py", "clean"), ("*.py", "clean"), ("old/*.py", "findings"), ("d", "findings")],
)
def test_findings_are_left_out_by_file(pattern: str, status: str, tmp_path: Path) -> None:
    place = dataclasses.replace(clamp_site().where, file=str(tmp_path / "dqn.py"))  # type: ignore[type-var]
    recording = recording_of([0.9] * 20, clamp_site(where=place), folder=str(tmp_path))
    written(tmp_path, f'[tool.backsight.per-file-ignores]\n"{pattern}" = ["BS301"]\n')
    assert diagnose(recording).status == status


PROGRAM = """\
def loss_of(delta):
    if delta.any():
        loss = (
            0.5
            * np.clip(delta, -1, 1)
            ** 2
        ).mean()
        return loss  # backsight: ignore[BS301]
"""


@pytest.mark.parametrize(
    ("line", "comment", "silent"),
    [
        (3, "ignore[BS301]", True),  # where the statement begins
        (5, "ignore", True),
        (7, "ignore[BS101, BS301]", True),  # where it ends
        (7, "ignore[BS101]", False),
        (2, "ignore[BS301]", False),  # the block around it is another statement
        (1, "ignore[BS301]", False),
    ],
)
def test_a_comment_counts_on_any_line_of_the_statement(
    line: int, comment: str, silent: bool, tmp_path: Path
) -> None:
    lines = PROGRAM.splitlines()
    lines[line - 1] += f"  # backsight: {comment}"
    file = tmp_path / "dqn.py"
    file.write_text("\n".join(lines) + "\n")
    place = Location(str(file), 5, 5, 15, 37, "np.clip(delta, -1, 1)", "loss_of")
    recording = recording_of([0.9] * 20, clamp_site(where=place, source=lines[4]))
    assert (diagnose(recording).status == "clean") is silent
    # Once the file has changed, only the lines that the recording holds are known.
    file.write_text("# a new line\n" + file.read_text())
    linecache.checkcache(str(file))
    assert (diagnose(recording).status == "clean") is (silent and line == 5)


def test_a_diagnosis_obeys_them(tmp_path: Path) -> None:
    recording = recording_of([0.9] * 20, folder=str(tmp_path))
    assert diagnose(recording).status == "findings"
    written(tmp_path, '[tool.backsight]\nignore = ["clip-blocks-loss"]\n')
    assert diagnose(recording).status == "clean"
    assert "BS301" not in diagnose(recording).rules
    written(tmp_path, '[tool.backsight]\nselect = ["BS1"]\n')
    assert diagnose(recording).rules == ()
    written(tmp_path, "[tool.backsight.BS301]\nwarning = 0.95\ncritical = 0.99\n")
    assert diagnose(recording).status == "clean"
    assert diagnose(recording, BS301={"warning": 0.5}).status == "findings"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[tool.backsight]\nBS999 = {}", "'BS999' is neither `select`, `ignore`, `per-file-ign"),
        ('[tool.backsight]\nignore = "BS301"', "ignore must be a list"),
        (
            '[tool.backsight]\nselect = ["BS9"]',
            "select names 'BS9', which is no rule; rules: BS101",
        ),
        ('[tool.backsight]\nper-file-ignores = ["BS1"]', "per-file-ignores must be a table"),
        ('[tool.backsight.per-file-ignores]\n"a.py" = 3', r'"a.py" must be a list'),
        ("[tool.backsight]\nBS301 = 0.5", "BS301 must be a table, as BS301 = { warning = 0.5 }"),
        ("[tool.backsight.BS301]\nhigh = 1", "BS301 clip-blocks-loss has no threshold 'high'"),
        ("[tool.backsight.BS301]\nwarning = '1'", "BS301.warning must be a number, it is '1'"),
        ("[tool.backsight.BS301]\nwarning = true", "BS301.warning must be a number"),
        ("[tool]\nbacksight = 3", r"\[tool.backsight\] must be a table"),
        ("[tool.backsight", "cannot be read"),
    ],
)
def test_slips_are_told(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=message) as raised:
        read_settings(written(tmp_path, text))
    assert "pyproject.toml" in str(raised.value)
