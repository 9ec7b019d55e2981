"""From arrays of samples to batches: checked once, then cut in a drawn order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ...arrays import Array
from ...errors import ShapeError, UsageError

MOST_NAMED = 5  # columns in one message


def batches(
    *arrays: Any,
    size: int,
    generator: np.random.Generator | None = None,
    drop_last: bool = False,
) -> Iterator[Any]:
    """Cut arrays of N samples into batches of `size`, all alike; a tuple each, or the one array.

    With a generator the samples come in an order that it draws, else as they are. The last batch
    holds what is left, unless `drop_last`. Loop over a new call for each epoch.

    Raises ShapeError where the arrays differ in length, UsageError where there is no sample, and
    what `check_data` raises.
    """
    given = [np.asarray(array) for array in arrays]
    if not given:
        raise UsageError("batches: give at least one array")
    lengths = [array.shape[0] if array.ndim else 0 for array in given]
    if len(set(lengths)) > 1:
        raise ShapeError(f"batches: the arrays hold {lengths} samples; they must hold as many")
    if lengths[0] == 0:
        raise UsageError("batches: there are no samples")
    if size < 1 or (drop_last and size > lengths[0]):
        raise UsageError(
            f"batches: size is {size} for {lengths[0]} samples"
            + ("; with drop_last there would be no batch" if size > 0 else "; it must be ≥ 1")
        )
    if generator is not None and not isinstance(generator, np.random.Generator):
        raise UsageError(
            "batches: the order comes from a NumPy Generator, np.random.default_rng(seed), so that "
            f"a run can be repeated; given {type(generator).__name__}"
        )
    check_data(*given)
    return _cut(given, size, generator, drop_last)


def _cut(
    arrays: list[Array], size: int, generator: np.random.Generator | None, drop_last: bool
) -> Iterator[Any]:
    count = len(arrays[0])
    order = generator.permutation(count) if generator is not None else None
    for begin in range(0, count, size):
        if drop_last and begin + size > count:
            return
        rows: Any = slice(begin, begin + size) if order is None else order[begin : begin + size]
        batch = tuple(array[rows] for array in arrays)
        yield batch if len(batch) > 1 else batch[0]


def check_data(*arrays: Any) -> None:
    """Raise UsageError where data holds NaN or infinity, with its columns."""
    for place, given in enumerate(arrays):
        array = np.asarray(given)
        if array.dtype.kind not in "fc" or np.isfinite(array).all():
            continue
        broken = ~np.isfinite(array)
        where = f"of {array.shape}"
        if array.ndim >= 2:
            columns = np.flatnonzero(broken.reshape(-1, array.shape[-1]).any(axis=0))
            named = ", ".join(map(str, columns[:MOST_NAMED]))
            more = f" and {columns.size - MOST_NAMED} more" if columns.size > MOST_NAMED else ""
            where = f"in column{'s' if columns.size > 1 else ''} {named}{more} of {array.shape}"
        raise UsageError(
            f"data: array {place} holds {np.count_nonzero(np.isnan(array))} NaN and "
            f"{np.count_nonzero(np.isinf(array))} infinite numbers {where}; remove or fill them "
            "before training"
        )


def split(
    *arrays: Any, share: float, generator: np.random.Generator
) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
    """Divide samples at random: a `share` of them in the first tuple of arrays, the rest after.

    Raises UsageError for a share outside 0 to 1, ShapeError where the arrays differ in length.
    """
    given = [np.asarray(array) for array in arrays]
    if not 0 < share < 1:
        raise UsageError(f"split: share is {share}; it must lie between 0 and 1")
    if len({len(array) for array in given}) != 1:
        raise ShapeError(f"split: the arrays hold {[len(array) for array in given]} samples")
    order = generator.permutation(len(given[0]))
    first = round(share * len(order))
    return tuple(a[order[:first]] for a in given), tuple(a[order[first:]] for a in given)


def standardised(train: Any, *others: Any, axis: int | tuple[int, ...] = 0) -> tuple[Array, ...]:
    """Give data mean 0 and std 1, by the mean and std of the training data alone.

    x (N, D): column by column. Images (N, C, H, W) take axis=(0, 2, 3), one number per channel. A
    constant column becomes 0.
    """
    x = np.asarray(train)
    mean, std = np.mean(x, axis=axis, keepdims=True), np.std(x, axis=axis, keepdims=True)
    scale = np.where(std == 0, 1, std)
    return tuple(((np.asarray(each) - mean) / scale).astype(np.float32) for each in (x, *others))
