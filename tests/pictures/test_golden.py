"""Pictures as they are: a change of how one looks is seen in the diff of its golden file.

Write them anew with `REGOLD=1 pytest tests/pictures/test_golden.py`, and look at each.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from backsight.pages.vector.svg import STYLE, to_svg
from backsight.pictures import (
    draw_gradient_flow,
    draw_gradient_map,
    draw_loss,
    draw_op,
    draw_units,
    draw_update_ratios,
)
from backsight.traces.findings import Severity

from .recordings import deep, finding, recording, with_units

GOLDEN = Path(__file__).parent / "golden"
FINDINGS = [finding("BS101", 1), finding("BS203", 12, Severity.WARNING)]
PICTURES: dict[str, Callable[[], Any]] = {
    "op-relu": lambda: draw_op("relu", width=360),
    "loss": lambda: draw_loss(recording([2.0 / (i + 1) for i in range(30)]), FINDINGS),
    "gradient-flow": lambda: draw_gradient_flow(deep()),
    "gradient-map": lambda: draw_gradient_map(deep(steps=12), FINDINGS),
    "update-ratios": lambda: draw_update_ratios(deep(steps=12), width=360),
    "units": lambda: draw_units(with_units()),
}
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
LAST_DIGIT = 0.11  # of a place, which another machine may round the other way


@pytest.mark.parametrize("name", PICTURES)
def test_picture_is_as_it_was(name: str) -> None:
    path = GOLDEN / f"{name}.svg"
    found = to_svg(PICTURES[name]().scene).replace(STYLE, "")
    if os.environ.get("REGOLD"):
        path.write_text(to_svg(PICTURES[name]().scene), encoding="utf-8")
    wanted = path.read_text(encoding="utf-8")
    wanted = wanted[: wanted.index("<style>") + 7] + wanted[wanted.index("</style>") :]
    assert NUMBER.sub("0", found) == NUMBER.sub("0", wanted)
    pairs = zip(NUMBER.findall(found), NUMBER.findall(wanted), strict=True)
    assert all(abs(float(a) - float(b)) <= LAST_DIGIT for a, b in pairs)
