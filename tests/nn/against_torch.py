"""Comparing a layer with PyTorch's module of the same name, parameters copied."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import backsight as bs

RTOL = 1e-10


def flat(value: Any) -> list[Any]:
    """List the arrays of an output, which may be tuples in tuples."""
    return [x for part in value for x in flat(part)] if isinstance(value, tuple) else [value]


def same(ours: Any, theirs: Any, what: str = "", scale: float = 0.0) -> None:
    """Compare two arrays to 1e-10 of the largest entry, or of `scale` where that is larger.

    A gradient that is zero by mathematics (a key's bias) is rounding noise in both.
    """
    ours, theirs = np.asarray(ours), theirs.detach().numpy()
    assert ours.shape == theirs.shape, what
    scale = max(scale, np.abs(theirs).max() if theirs.size else 0.0)
    np.testing.assert_allclose(ours, theirs, rtol=RTOL, atol=RTOL * scale, err_msg=what)


def compare(
    ours: Any,
    theirs: Any,
    pairs: list[tuple[Any, Any, bool]],
    inputs: list[Any],
    *,
    rng: np.random.Generator,
    **options: Any,
) -> None:
    """Run both on the same inputs and compare all outputs and all gradients.

    `pairs` are (our parameter, theirs, whether ours is the transpose); `ours` is called with the
    inputs, `theirs` too, unless `options` name another call for it (`call`).
    """
    torch = pytest.importorskip("torch")
    with torch.no_grad():
        for mine, given, turned in pairs:
            value = mine.value.T if turned else mine.value
            given.copy_(torch.tensor(np.array(value)))
    mine = [bs.tensor(x) if x.dtype.kind == "f" else x for x in inputs]
    given = [
        torch.tensor(x, requires_grad=True) if x.dtype.kind == "f" else torch.tensor(x)
        for x in inputs
    ]
    outs = flat(ours(*mine))
    truths = flat(options.get("call", theirs)(*given))
    assert len(outs) == len(truths)
    loss, truth_loss = 0, 0
    for out, truth in zip(outs, truths, strict=True):
        same(out.value, truth, "output")
        weight = rng.standard_normal(truth.shape)
        loss = loss + np.sum(out * weight)
        truth_loss = truth_loss + (truth * torch.tensor(weight)).sum()
    loss.backward()
    truth_loss.backward()
    known = [y.grad for y in (*given, *(each[1] for each in pairs)) if y.grad is not None]
    scale = max(float(gradient.abs().max()) for gradient in known)
    for place, (x, y) in enumerate(zip(mine, given, strict=True)):
        if isinstance(x, bs.Tensor):
            same(x.grad, y.grad, f"gradient of input {place}", scale)
    for place, (parameter, truth, turned) in enumerate(pairs):
        gradient = parameter.grad.T if turned else parameter.grad
        same(gradient, truth.grad, f"gradient of parameter {place}", scale)
