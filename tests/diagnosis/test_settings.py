"""`[tool.backsight]` in pyproject.toml: rules switched off, thresholds, and slips told clearly."""

from __future__ import annotations

from pathlib import Path

import pytest

from backsight.diagnosis import diagnose
from backsight.diagnosis.settings import Settings, read_settings, settings_near
from backsight.errors import UsageError

from .recordings import recording_of


def written(folder: Path, text: str) -> Path:
    file = folder / "pyproject.toml"
    file.write_text(text)
    return file


def test_rules_and_thresholds_are_read(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        '[tool.backsight]\ndisable = ["BS106", "loss-flat"]\n'
        "[tool.backsight.BS301]\nwarning = 0.4\n[tool.backsight.vanishing-gradient]\ndepth = 6\n",
    )
    settings = read_settings(file)
    assert settings.disabled == {"BS106", "BS504"}
    assert settings.thresholds == {"BS301": {"warning": 0.4}, "BS101": {"depth": 6}}


def test_the_nearest_file_counts(tmp_path: Path) -> None:
    written(tmp_path, '[tool.backsight]\ndisable = ["BS301"]\n')
    inner = tmp_path / "inner" / "scripts"
    inner.mkdir(parents=True)
    (inner / "train.py").touch()
    assert settings_near(inner / "train.py").disabled == {"BS301"}
    assert settings_near(inner).disabled == {"BS301"}
    written(inner.parent, "[project]\nname = 'x'\n")
    assert settings_near(inner / "train.py") == Settings()


def test_a_diagnosis_obeys_them(tmp_path: Path) -> None:
    recording = recording_of([0.9] * 20, folder=str(tmp_path))
    assert diagnose(recording).status == "findings"
    written(tmp_path, '[tool.backsight]\ndisable = ["clip-blocks-loss"]\n')
    assert diagnose(recording).status == "clean"
    assert diagnose(recording).rules == ()
    written(tmp_path, "[tool.backsight.BS301]\nwarning = 0.95\ncritical = 0.99\n")
    assert diagnose(recording).status == "clean"
    assert diagnose(recording, BS301={"warning": 0.5}).status == "findings"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[tool.backsight]\nBS999 = {}", "'BS999' is neither `disable` nor a rule; rules: BS101"),
        ('[tool.backsight]\ndisable = "BS301"', "disable must be a list"),
        ('[tool.backsight]\ndisable = ["BS3"]', "'BS3' is neither"),
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
