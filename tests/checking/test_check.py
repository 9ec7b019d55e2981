"""Checks of right pairs (never called wrong) and of planted slips (called by their name)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import backsight as bs
from backsight.checking import check
from backsight.errors import UsageError


def r(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed + sum(shape)).standard_normal(shape)


def affine_forward(x: Any, w: Any, b: Any) -> Any:
    return x @ w + b, (x, w)


def affine_backward(dout: Any, cache: Any) -> Any:
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)


def relu(x: Any) -> Any:
    return np.maximum(x, 0)


AFFINE = (r(5, 4), r(4, 3), r(3))


def verdicts(result: Any) -> dict[str, tuple[str, str | None]]:
    return {each.argument: (each.verdict, each.slip) for each in result.results}


def test_a_right_pair_with_a_cache_is_ok() -> None:
    found = check(affine_forward, affine_backward, *AFFINE)
    assert found.ok
    assert verdicts(found) == dict.fromkeys("xwb", ("ok", None))


def test_other_ways_of_writing_a_pair() -> None:
    assert check(np.tanh, lambda dout, out: dout * (1 - out**2), r(3, 2)).ok
    assert check(lambda x, w: x @ w, lambda dout, x, w: (dout @ w.T, x.T @ dout), *AFFINE[:2]).ok
    assert check(bs.sigmoid, None, r(3, 4)).ok
    assert check(lambda x: float(np.sum(x**2)), 2 * r(6), r(6)).ok
    assert check(lambda x: float(np.sum(x**2)), lambda x: 2 * x, r(6)).ok


def test_float32_inputs_are_promoted() -> None:
    x = r(4, 3).astype(np.float32)
    assert check(np.sin, lambda dout, x: dout * np.cos(x), x).ok


def mutant(dx: Any = None, dw: Any = None, db: Any = None) -> Any:
    """Return affine's backward with some gradients replaced."""

    def backward(dout: Any, cache: Any) -> Any:
        right = affine_backward(dout, cache)
        x, w = cache
        changes = (dx, dw, db)
        return tuple(
            given if change is None else change(dout, x, w)
            for given, change in zip(right, changes, strict=True)
        )

    return backward


@pytest.mark.parametrize(
    ("slip", "argument", "backward"),
    [
        ("unsummed-broadcast", "b", mutant(db=lambda dout, x, w: dout)),
        ("factor", "b", mutant(db=lambda dout, x, w: dout.mean(axis=0))),
        ("factor", "w", mutant(dw=lambda dout, x, w: 2 * x.T @ dout)),
        ("sign", "x", mutant(dx=lambda dout, x, w: -dout @ w.T)),
        ("transposed", "w", mutant(dw=lambda dout, x, w: dout.T @ x)),
        ("zero", "x", mutant(dx=lambda dout, x, w: np.zeros_like(x))),
        ("upstream-missing", "x", mutant(dx=lambda dout, x, w: np.ones_like(dout) @ w.T)),
        ("wrong-shape", "b", mutant(db=lambda dout, x, w: r(2))),
        ("wrong-dtype", "b", mutant(db=lambda dout, x, w: np.ones(3, int))),
    ],
)
def test_slips_are_named(slip: str, argument: str, backward: Any) -> None:
    found = check(affine_forward, backward, *AFFINE)
    assert not found.ok
    expected = dict.fromkeys("xwb", ("ok", None)) | {argument: ("wrong", slip)}
    assert verdicts(found) == expected


def test_a_factor_is_told_with_what_it_equals() -> None:
    found = check(affine_forward, mutant(db=lambda dout, x, w: dout.mean(axis=0)), *AFFINE)
    (wrong,) = [each for each in found.results if each.verdict == "wrong"]
    assert (
        "0.2 times the right gradient, 1/5; axis 0 of the output has 5 elements" in wrong.evidence
    )


def test_what_no_pattern_explains_has_no_name() -> None:
    found = check(np.tanh, lambda dout, out: dout * (1 - out), np.ones((2, 2)))
    assert verdicts(found) == {"x": ("wrong", None)}


def test_masks() -> None:
    x = r(6, 5)
    assert check(relu, lambda dout, x: dout * (x > 0), x).ok
    missing = check(relu, lambda dout, x: dout, x)
    assert verdicts(missing) == {"x": ("wrong", "mask-missing")}
    swapped = check(relu, lambda dout, x: dout * (x <= 0), x)
    assert verdicts(swapped) == {"x": ("wrong", "mask-wrong-side")}


def test_kinks_are_no_mistakes() -> None:
    x = np.array([-1.0, 0.0, 2.0, 0.0])
    for slope in (0.0, 0.25, 1.0):
        found = check(relu, lambda dout, x, s=slope: dout * np.where(x == 0, s, x > 0), x)
        assert found.ok
        assert found.results[0].verdict == "kink"


def test_an_argument_that_does_not_matter() -> None:
    found = check(lambda x, y: 2 * x + 0 * y, lambda dout, x, y: (2 * dout, None), r(3), r(3))
    assert verdicts(found) == {"x": ("ok", None), "y": ("independent", None)}


def test_both_zero() -> None:
    found = check(np.floor, lambda dout, x: 0 * dout, r(3) + 0.3)
    assert verdicts(found) == {"x": ("zero", None)}


def test_writing_into_what_was_given_is_wrong() -> None:
    def spoils(dout: Any, x: Any) -> Any:
        x *= 2
        return dout * np.cos(x / 2)

    def spoils_upstream(dout: Any, x: Any) -> Any:
        dout *= np.cos(x)
        return dout

    found = check(np.sin, spoils, r(4))
    assert ("wrong", "input-modified") in [(e.verdict, e.slip) for e in found.results]
    found = check(np.sin, spoils_upstream, r(4))
    assert ("wrong", "upstream-modified") in [(e.verdict, e.slip) for e in found.results]


def test_large_inputs_are_sampled_and_mistakes_still_found() -> None:
    x, w = r(40, 30), r(30, 20)
    right = check(lambda x, w: x @ w, lambda dout, x, w: (dout @ w.T, x.T @ dout), x, w)
    assert right.ok
    assert "drawn elements" in right.results[0].evidence
    wrong = check(lambda x, w: x @ w, lambda dout, x, w: (dout @ w.T, 1.01 * x.T @ dout), x, w)
    assert verdicts(wrong)["w"][0] == "wrong"


def test_the_json_has_the_published_form() -> None:
    data = check(affine_forward, mutant(db=lambda dout, x, w: dout), *AFFINE).to_dict()
    assert data["version"] == 1
    keys = {"function", "argument", "verdict", "slip", "evidence", "max_error", "index"}
    assert set(data["results"][0]) == keys
    assert data["results"][0]["function"] == "affine"


@pytest.mark.parametrize("name", ["sigmoid", "relu", "gelu", "softplus", "layer_norm", "softmax"])
@pytest.mark.parametrize("shape", [(3,), (4, 5), (2, 3, 4)])
def test_ops_of_the_package_are_never_called_wrong(name: str, shape: tuple[int, ...]) -> None:
    found = check(getattr(bs, name), None, r(*shape))
    assert found.ok, str(found)


def test_what_cannot_be_checked_is_one_clear_error() -> None:
    with pytest.raises(UsageError, match="no input is an array of real numbers"):
        check(np.sin, lambda dout, x: dout, np.arange(3))
    with pytest.raises(UsageError, match="cannot be told what to call it with"):
        check(np.sin, lambda dout, a, b, c: dout, r(3))
    with pytest.raises(UsageError, match="not an array of real numbers"):
        check(lambda x: "x", lambda dout, x: dout, r(3))
    with pytest.raises(UsageError, match="returns 1 gradients for 3 arguments: x, w, b"):
        check(affine_forward, lambda dout, cache: (dout,), *AFFINE)
