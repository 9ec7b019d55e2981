"""Repairs speak of the user's own expressions."""

from __future__ import annotations

import pytest

from backsight.diagnosis.repair import clipped_value, repair_of_clip

from .recordings import clamp_site


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("np.clip(delta, -1.0, 1.0)", "delta"),
        ("np.clip(q[np.arange(n), a] - target, -1, 1)", "q[np.arange(n), a] - target"),
        ("delta.clip(-1, 1)", "delta"),
        ("(q - y).clip(-1, 1)", "q - y"),
        ("self.error.clamp(-1, 1)", "self.error"),
        ("torch.clamp(delta, min=-1, max=1)", "delta"),
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


def test_a_squared_symmetric_clip_becomes_the_huber_loss() -> None:
    text = repair_of_clip(
        clamp_site("np.clip(q - target, -2.0, 2.0)", attributes=SYMMETRIC), "engine"
    )
    assert "`bs.huber(q - target, delta=2.0)`" in text
    assert "in place of the square of `np.clip(q - target, -2.0, 2.0)`" in text


def test_in_pytorch_it_is_pytorchs_huber_loss() -> None:
    text = repair_of_clip(clamp_site("delta.clamp(-2, 2)", attributes=SYMMETRIC), "torch")
    assert "`F.huber_loss(delta, torch.zeros_like(delta), delta=2.0)`" in text


def test_no_expression_is_made_up() -> None:
    assert "the Huber loss of the error" in repair_of_clip(
        clamp_site("limited(delta)", attributes=SYMMETRIC), "engine"
    )
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


SYMMETRIC = {"low": -2.0, "high": 2.0, "consumers": ["square"]}
