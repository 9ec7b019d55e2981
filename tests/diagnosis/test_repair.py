"""Repairs speak of the user's own expressions, and the code that they give runs and cures."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

import backsight as bs
from backsight.diagnosis.repair import clipped_value, repair_of_clip, rewritten

from ..watching.programs import backsight
from .recordings import clamp_site

ROOT = Path(__file__).parents[2]
SYMMETRIC = {"low": -2.0, "high": 2.0, "consumers": ["square"]}
PROGRAMS = [
    *(ROOT / "tests" / "programs" / "faulty").glob("*.py"),
    *(ROOT / "tests" / "diagnosis" / "sick").glob("*.py"),
    *(ROOT / "src" / "backsight" / "clinic" / "programs").glob("*/sick_*.py"),
]
SQUARED_CLIP = re.compile(
    r"(np|torch)\.clip\([^()]*, -1, 1\) \*\* 2|square\(np\.clip|clamp\([^()]*\)\.(pow|square)"
)
"""As these programs happen to write it; read by eye, not by the code under test."""


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("np.clip(delta, -1.0, 1.0)", "delta"),
        ("np.clip(q[np.arange(n), a] - target, -1, 1)", "q[np.arange(n), a] - target"),
        ("delta.clip(-1, 1)", "delta"),
        ("(q - y).clip(-1, 1)", "q - y"),
        ("self.error.clamp(-1, 1)", "self.error"),
        ("torch.clamp(delta, min=-1, max=1)", "delta"),
        ("torch.nn.functional.hardtanh(delta)", "delta"),
        ("clip(\n    q -\n    y, -1, 1)", "q - y"),
        ("np.clip(*arguments)", ""),
        ("limit(delta)", ""),
        ("np.minimum(delta, 1)", ""),
        ("delta", ""),
        ("np.clip(delta", ""),
        ("", ""),
    ],
)
def test_what_is_clipped(expression: str, value: str) -> None:
    assert clipped_value(expression) == value


@pytest.mark.parametrize(
    ("lines", "expression", "statement"),
    [
        ("  loss = np.mean(np.clip(d, -1, 1) ** 2)", "np.clip(d, -1, 1)", "loss = np.mean(h(d))"),
        ("return d.clip(-1, 1).pow(2).mean()  # why", "d.clip(-1, 1)", "return h(d).mean()"),
        ("x = torch.pow(d.clip(-1, 1), 2)", "d.clip(-1, 1)", "x = h(d)"),
        ("x = (w * np.square(np.clip(d,-1,1))).sum()", "np.clip(d,-1,1)", "x = (w * h(d)).sum()"),
        (
            "x = np.mean(\n    np.clip(d,\n   -1, 1) ** 2)",
            "np.clip(d, -1, 1)",
            "x = np.mean(h(d))",
        ),
        ("x = (d.clip(-1, 1) ** 2).mean()", "d.clip(-1, 1)", "x = h(d).mean()"),
        ("x = mean(d.clip(-1, 1) ** 2)", "d.clip(-1, 1)", "x = mean(h(d))"),
        # Not certain: the square stands elsewhere, twice, or the lines are no statement.
        ("error = np.clip(d, -1, 1)", "np.clip(d, -1, 1)", ""),
        ("x = d.clip(-1, 1) ** 2 + d.clip(-1, 1) ** 2", "d.clip(-1, 1)", ""),
        ("x = d.clip(-1, 1) ** 3", "d.clip(-1, 1)", ""),
        ("x = d.clip(-1, 1).pow(n)", "d.clip(-1, 1)", ""),
        ("        np.clip(d, -1, 1) ** 2)", "np.clip(d, -1, 1)", ""),
        ("x = (np.clip(d, -1, 1)  # so\n  ** 2)", "np.clip(d, -1, 1)", ""),
        ("if slow:", "d", ""),
    ],
)
def test_a_statement_is_rewritten_where_that_is_certain(
    lines: str, expression: str, statement: str
) -> None:
    assert rewritten(lines, expression, "h(d)") == statement


def test_a_squared_symmetric_clip_becomes_the_huber_loss() -> None:
    site = clamp_site("np.clip(q - target, -2.0, 2.0)", attributes=SYMMETRIC, source="error = …")
    text = repair_of_clip(site, "engine")
    assert "`bs.huber(q - target, delta=2.0)`" in text
    assert "in place of the square of `np.clip(q - target, -2.0, 2.0)`" in text


def test_in_pytorch_it_is_pytorchs_huber_loss_with_the_users_reduction() -> None:
    site = clamp_site(
        "delta.clamp(-2, 2)", attributes=SYMMETRIC, source="loss = delta.clamp(-2, 2).pow(2).sum()"
    )
    text = repair_of_clip(site, "torch")
    call = 'F.huber_loss(delta, torch.zeros_like(delta), reduction="none", delta=2.0)'
    assert f"Huber loss (F is torch.nn.functional):\n    loss = {call}.sum()\nInside ±2" in text


@pytest.mark.torch
def test_both_calls_are_half_the_square_inside_and_straight_outside() -> None:
    torch = pytest.importorskip("torch")
    error = np.linspace(-5, 5, 41)
    truth = np.where(np.abs(error) <= 2, error**2 / 2, 2 * np.abs(error) - 2)
    np.testing.assert_allclose(bs.huber(error, delta=2.0), truth)
    names = {"F": torch.nn.functional, "torch": torch, "delta": torch.tensor(error)}
    call = 'F.huber_loss(delta, torch.zeros_like(delta), reduction="none", delta=2.0)'
    np.testing.assert_allclose(eval(call, names).numpy(), truth)


def test_no_expression_is_made_up() -> None:
    text = repair_of_clip(clamp_site("limited(delta)", attributes=SYMMETRIC), "engine")
    assert "Use the Huber loss in place of the square of `limited(delta)`" in text
    for attributes in (
        {"low": 0.0, "high": 1.0, "consumers": ["square"]},
        {"low": None, "high": 1.0},
    ):
        text = repair_of_clip(clamp_site(attributes=attributes), "engine")
        assert "huber(" not in text
        assert "Do not clip what the loss is computed from" in text


def test_an_absolute_error_needs_no_clip() -> None:
    site = clamp_site(attributes={"low": -1.0, "high": 1.0, "consumers": ["absolute"]})
    assert "Leave the clip out" in repair_of_clip(site, "engine")


def test_a_parameter_is_limited_after_the_update() -> None:
    assert "after the update" in repair_of_clip(clamp_site(side="parameter"), "engine")


def squaring_programs() -> list[Path]:
    return [path for path in PROGRAMS if SQUARED_CLIP.search(path.read_text())]


def test_there_are_programs_of_both_frameworks_to_repair() -> None:
    assert len(squaring_programs()) >= 4


@pytest.mark.parametrize(
    "path",
    [
        # A DQN learns for a quarter of a minute.
        pytest.param(
            path,
            id=f"{path.parent.name}-{path.stem}",
            marks=[pytest.mark.prove] if path.parent.name == "dqn" else [],
        )
        for path in squaring_programs()
    ],
)
def test_the_program_with_the_line_that_is_told_runs_and_is_cured(
    path: Path, tmp_path: Path
) -> None:
    """Put the statement of the fix in place of the one that is marked, and run that."""
    if "torch" in path.name:
        pytest.importorskip("torch")
    program = tmp_path / "program.py"
    text = path.read_text() + ("\ntrain(0)\n" if path.parent.name == "sick" else "")
    program.write_text(text)
    clipped = diagnosed(tmp_path)
    finding = next(each for each in clipped["findings"] if each["code"] == "BS301")
    statement = re.search(r"^    (.*)$", finding["fix"], re.MULTILINE)
    assert statement is not None, finding["fix"]
    lines = text.splitlines()
    first, last = finding["location"]["line"], finding["location"]["end_line"]
    indent = re.match(r" *", lines[first - 1])[0]  # type: ignore[index]
    lines[first - 1 : last] = [indent + statement[1]]
    if "F.huber_loss" in statement[1]:
        after = next(i for i, line in enumerate(lines) if line.startswith("import torch"))
        lines.insert(after + 1, "import torch.nn.functional as F")
    program.write_text("\n".join(lines) + "\n")
    cured = diagnosed(tmp_path)
    assert cured["script_exit_code"] == 0
    assert "BS301" not in [each["code"] for each in cured["findings"]]


def diagnosed(folder: Path) -> dict[str, object]:
    run = backsight(folder, "run", "--format", "json", "-o", "d.json", "program.py")
    assert run.returncode == 0, run.stderr
    data: dict[str, object] = json.loads((folder / "d.json").read_text())
    return data
