"""`backsight draw`: the graph of a script's step, or of an op."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

import backsight as bs

from .test_derive import EXAMPLES, STEPS, derive, written


def draw(*arguments: str, folder: Path) -> tuple[int, str, str]:
    done = derive(*arguments, folder=folder, command="draw")
    return done.returncode, done.stdout, done.stderr


def words(path: Path) -> str:
    return " ".join("".join(element.itertext()) for element in ET.parse(path).iter())


def boxes(path: Path) -> int:
    groups = ET.parse(path).iter("{http://www.w3.org/2000/svg}g")
    return sum(group.get("id", "").startswith("cell-") for group in groups)


def test_picture_lands_beside_the_recordings(tmp_path: Path) -> None:
    found = draw(str(EXAMPLES / "neuron.py"), folder=tmp_path)
    assert found == (0, "", "backsight: drawn: backsight/neuron.svg\n")
    text = words(tmp_path / "backsight" / "neuron.svg")
    for number in ("0.7311", "0.03616", "−0.05288"):
        assert number in text


@pytest.mark.torch
def test_network_in_torch_is_folded_by_module_or_not_at_all(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    script = written(
        tmp_path,
        "import torch\nfrom torch import nn\n"
        "part = lambda: nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.LayerNorm(4))\n"
        "net = nn.Sequential(*(part() for _ in range(12)))\n"
        "net(torch.ones(2, 4)).square().mean().backward()\n",
    )
    assert draw("-o", "folded.svg", "--most", "20", script, folder=tmp_path)[0] == 0
    assert draw("-o", "whole.svg", "--no-fold", script, folder=tmp_path)[0] == 0
    assert boxes(tmp_path / "folded.svg") <= 20
    assert "net.11" in words(tmp_path / "folded.svg")
    # Four parameters, a transposed weight and three values in each part; x, square and mean.
    assert boxes(tmp_path / "whole.svg") == 12 * 8 + 3


def test_other_formats_steps_and_saved_traces(tmp_path: Path) -> None:
    code, out, _ = draw(
        "--step", "2", "-o", "a.html", written(tmp_path, STEPS), "3", folder=tmp_path
    )
    assert code == 0
    assert "handler" in out
    assert "<svg" in (tmp_path / "a.html").read_text()
    w = bs.tensor([1.0, 2.0], name="weights")
    bs.save(bs.trace((w * w).sum()), tmp_path / "t.npz")
    assert draw("t.npz", folder=tmp_path)[0] == 0
    assert "weights" in words(tmp_path / "backsight" / "t.svg")


def test_op_with_its_derivative(tmp_path: Path) -> None:
    assert draw("--op", "sigmoid", folder=tmp_path)[0] == 0
    assert "derivative" in words(tmp_path / "backsight" / "sigmoid.svg")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "what to draw?"),
        (("--op", "relu", "x.py"), "what to draw?"),
        (("--no-fold", "--most", "9", "x.py"), "give one of them"),
        (("--op", "sigmoyd"), "sigmoyd"),
        (("-o", "a.png", "x.py"), "the suffix says the format"),
    ],
)
def test_slips_are_told(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    code, out, error = draw(*arguments, folder=tmp_path)
    assert (code, out) == (2, "")
    assert message in error
    assert list(tmp_path.iterdir()) == []
