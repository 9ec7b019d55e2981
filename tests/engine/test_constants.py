"""Every op: a user's arrays may be overwritten after the forward, and are never written to."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import backsight as bs
from backsight.engine import gradients
from backsight.ops.protocol import OPS

from ..ops.sample import Sample
from ..ops.table import SAMPLES


def arrays_in(value: Any) -> Iterator[Any]:
    """The arrays and lists of a value, which a user could write to."""
    if isinstance(value, tuple):
        for part in value:
            yield from arrays_in(part)
    elif isinstance(value, np.ndarray | list):
        yield value


def scribble(value: Any) -> None:
    """Overwrite an array or list with other values that are legal in its place."""
    if isinstance(value, list):
        value[:] = value[::-1] if len(value) > 1 else value
    elif value.dtype == np.bool_:
        np.logical_not(value, out=value)
    elif value.dtype.kind == "f":
        value[...] = np.where(np.isfinite(value), value * -3.0 + 7.0, value)
    else:
        value[...] = np.flip(value).reshape(value.shape)


def own(value: Any) -> Any:
    return copy.deepcopy(value)


def gradient(sample: Sample, place: int, overwrite: bool) -> list[Any]:
    """The gradient at one input, all others being constant arrays."""
    attributes = {name: own(value) for name, value in sample.attributes.items()}
    inputs = [None if x is None else np.array(x) for x in sample.inputs]
    leaf = inputs[place] = bs.tensor(inputs[place])
    result = OPS[sample.op](*inputs, **attributes)
    outs = [o for o in (result if isinstance(result, tuple) else (result,)) if is_live(o)]
    constants = [x for x in (*inputs, *attributes.values()) if x is not leaf]
    given = [own(each) for constant in constants for each in arrays_in(constant)]
    if overwrite:
        for constant in constants:
            for each in arrays_in(constant):
                scribble(each)
    douts = [np.cos(np.arange(float(o.size))).reshape(o.shape) for o in outs]
    found = gradients(
        outs, [leaf], [np.asarray(d, o.dtype) for d, o in zip(douts, outs, strict=True)]
    )
    if not overwrite:  # nobody else wrote
        left = [each for constant in constants for each in arrays_in(constant)]
        for before, after in zip(given, left, strict=True):
            np.testing.assert_array_equal(after, before)
    return found


def is_live(out: Any) -> bool:
    return isinstance(out, bs.Tensor) and out.requires_grad


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_overwritten_constants_leave_the_gradient_right(sample: Sample) -> None:
    with np.errstate(all="ignore"):
        for place, x in enumerate(sample.inputs):
            if x is not None:
                (truth,) = gradient(sample, place, overwrite=False)
                (found,) = gradient(sample, place, overwrite=True)
                np.testing.assert_array_equal(found, truth)
