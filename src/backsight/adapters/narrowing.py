"""How much of a gradient is too small for a narrower dtype, in numbers."""

from __future__ import annotations

import numpy as np

from ..arrays import Array
from .figures import MOST_SAMPLES, strided

SMALLEST = float(np.finfo(np.float16).smallest_normal)


def narrowing_figures(arrived: Array, left: Array) -> dict[str, float]:
    """Compare a gradient before and after it is turned into float16.

    Counted are the `elements` that were not zero, those `underflowed` (now zero, or subnormal: with
    fewer digits the smaller they are), those `vanished` (now zero), and the sum of the magnitudes,
    of all and of what underflowed. Both arrays are of one shape, already sampled alike or whole.

    >>> wide = np.array([1e-3, 1e-6, 1e-9, 0.0], np.float32)
    >>> figures = narrowing_figures(wide, wide.astype(np.float16))
    >>> figures["elements"], figures["underflowed"], figures["vanished"]
    (3.0, 2.0, 1.0)
    """
    before = np.abs(strided(arrived, MOST_SAMPLES).astype(np.float64))
    after = np.abs(strided(left, MOST_SAMPLES).astype(np.float64))
    there = (before > 0) & np.isfinite(before)
    small = there & (after < SMALLEST)
    return {
        "elements": float(np.count_nonzero(there)),
        "underflowed": float(np.count_nonzero(small)),
        "vanished": float(np.count_nonzero(there & (after == 0))),
        "magnitude": float(np.sum(before[there])),
        "magnitude_underflowed": float(np.sum(before[small])),
    }
