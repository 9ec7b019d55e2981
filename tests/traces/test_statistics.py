"""Statistics against exact arithmetic in fractions, and at the edges of each dtype."""

from __future__ import annotations

import math
import warnings
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from backsight.errors import DTypeError
from backsight.traces import Statistics, statistics

FLOATS = st.sampled_from(["float16", "float32", "float64"])


@given(
    FLOATS.flatmap(
        lambda dtype: nps.arrays(
            dtype, nps.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
        )
    )
)
@example(np.array([1.7976931348623157e308] * 3))
@example(np.array([1.7976931348623157e308, -1.7976931348623157e308]))
@example(np.array([5e-324, 0.0]))
@example(np.array([1e-200, 3e-200, np.nan]))
@example(np.full(7, 0.1))
@example(np.full((2, 2), 65504, dtype=np.float16))
@example(np.full(5, 3.4e38, dtype=np.float32))
def test_agrees_with_exact_fractions(array):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = statistics(array)
    everything = [float(x) for x in array.reshape(-1)]
    finite = [Fraction(x) for x in everything if math.isfinite(x)]
    assert (found.shape, found.dtype, found.count) == (array.shape, array.dtype.name, array.size)
    assert found.nonfinite == len(everything) - len(finite)
    assert found.zeros == (everything.count(0.0) / len(everything) if everything else 0.0)
    if not finite:
        values = (found.mean, found.std, found.rms, found.minimum, found.maximum)
        assert all(math.isnan(value) for value in values)
        return
    mean = sum(finite) / len(finite)
    assert (found.minimum, found.maximum) == (float(min(finite)), float(max(finite)))
    largest = max(map(abs, finite))
    close_in_sum(found.mean, mean, largest)
    close_root(found.rms, sum(x * x for x in finite) / len(finite), largest)
    close_root(found.std, sum((x - mean) ** 2 for x in finite) / len(finite), largest)
    assert found.minimum <= found.mean <= found.maximum


def close_in_sum(found, exact, largest):
    assert abs(Fraction(found) - exact) <= largest * Fraction(1e-14) + Fraction(5e-324)


def close_root(found, exact_square, largest):
    """Compare squares relative to the largest element, in exact arithmetic."""
    found = Fraction(found)
    tolerance = largest * Fraction(1e-13) + Fraction(5e-324)
    assert max(found - tolerance, 0) ** 2 <= exact_square <= (found + tolerance) ** 2


def test_a_constant_array_has_no_spread():
    assert statistics(np.full(1000, 0.1, dtype=np.float32)).std == 0.0


def test_sums_do_not_stall_in_narrow_floats():
    """In float16 the sum of 4096 ones is 2048 when added one by one."""
    found = statistics(np.ones(4096, dtype=np.float16))
    assert (found.mean, found.rms) == (1.0, 1.0)


@pytest.mark.parametrize(
    ("value", "dtype", "mean", "zeros"),
    [
        (np.array([True, False, True, True]), "bool", 0.75, 0.25),
        (np.array([1, 2, 3], dtype=np.uint8), "uint8", 2.0, 0.0),
        (np.array([-(2**62), 2**62]), "int64", 0.0, 0.0),
        (np.float32(2.5), "float32", 2.5, 0.0),
        (3, "int64", 3.0, 0.0),
        (0.0, "float64", 0.0, 1.0),
        ([1.0, 3.0], "float64", 2.0, 0.0),
        (np.array([3 + 4j, 0j]), "complex128", 2.5, 0.5),
    ],
)
def test_kinds_of_numbers(value, dtype, mean, zeros):
    found = statistics(value)
    assert (found.dtype, found.mean, found.zeros) == (dtype, mean, zeros)


def test_infinities_and_nan_are_counted_and_left_out():
    found = statistics(np.array([np.nan, np.inf, -np.inf, 1.0, 3.0], dtype=np.float16))
    assert found.nonfinite == 3
    assert (found.mean, found.std, found.minimum, found.maximum) == (2.0, 1.0, 1.0, 3.0)


def test_the_array_is_left_as_it_was():
    array = np.array([1.0, np.nan])
    array.flags.writeable = False
    statistics(array)
    assert array[0] == 1.0


@pytest.mark.parametrize(
    "array", [np.array(["1.5"]), np.array([object()]), np.array("2020", "M8[Y]")]
)
def test_refuses_what_is_no_number(array):
    with pytest.raises(DTypeError, match=r"statistics: .* holds no numbers to measure"):
        statistics(array)


class OnDevice:
    """An array that speaks NumPy's protocols and refuses the silent copy, as CuPy's does."""

    def __init__(self, data):
        self.data = np.asarray(data)

    shape = property(lambda self: self.data.shape)
    dtype = property(lambda self: self.data.dtype)

    def __array__(self, dtype=None, copy=None):
        raise TypeError("Implicit conversion to a NumPy array is not allowed")

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        return wrapped(getattr(ufunc, method), inputs, kwargs)

    def __array_function__(self, function, types, args, kwargs):
        return wrapped(function, args, kwargs)

    def astype(self, dtype, copy=True):
        return OnDevice(self.data.astype(dtype))

    def __getitem__(self, index):
        return OnDevice(self.data[index.data])

    def __float__(self):
        return float(self.data)

    def __int__(self):
        return int(self.data)


def wrapped(function, args, kwargs):
    bare = [arg.data if isinstance(arg, OnDevice) else arg for arg in args]
    return OnDevice(function(*bare, **kwargs))


@pytest.mark.parametrize("data", [[1.0, np.nan, 0.0], [1e-200, 2e-200], [[1, 2], [3, 4]]])
def test_arrays_that_stay_on_their_device(data):
    assert repr(statistics(OnDevice(data))) == repr(statistics(np.asarray(data)))


def test_is_plain_data():
    found = statistics(np.arange(4.0))
    assert isinstance(found, Statistics)
    assert all(
        type(getattr(found, name)) is float
        for name in ("zeros", "mean", "std", "rms", "minimum", "maximum")
    )
    assert type(found.nonfinite) is int
