"""Every error that Backsight raises on purpose.

    BacksightError
    ├── OpError            an op is declared wrongly (also a TypeError)
    ├── ShapeError         shapes do not fit an op (also a ValueError)
    ├── IndexingError      an index is out of range (also an IndexError)
    ├── DTypeError         numbers of this kind cannot do this (also a TypeError)
    ├── UnsupportedError   a NumPy call has no backward here (also a TypeError)
    ├── GradientError      a backward cannot be run, or broke its contract (also a RuntimeError)
    ├── InPlaceError       a recorded array was written to (also a ValueError)
    ├── FileFormatError    a saved file is damaged, newer, or something else (also a ValueError)
    └── UsageError         the command line or an option is wrong (also a ValueError)

A message says what, where, both sides, and what to do next, in that order.
"""

from __future__ import annotations


class BacksightError(Exception):
    """Any error that Backsight raises on purpose."""


class OpError(BacksightError, TypeError):
    """An op is declared wrongly: its backward asks for a name that the forward has not, say."""


class ShapeError(BacksightError, ValueError):
    """Shapes do not fit an op.

    Two shapes that must agree do not: the inner axes of a product, or axes that broadcasting cannot
    stretch. Compare the two numbers in the message; the usual repairs are a transposed weight
    (`w.T`), a missing axis (`x[:, None]`), or a forgotten `reshape`.
    """


class IndexingError(BacksightError, IndexError):
    """An index is out of range, or does not fit the axes of a value."""


class DTypeError(BacksightError, TypeError):
    """Numbers of this kind cannot do what was asked: integers carry no gradient, say."""


class UnsupportedError(BacksightError, TypeError):
    """A NumPy call has no backward here."""


class GradientError(BacksightError, RuntimeError):
    """A backward pass cannot be run (freed or missing graph), or a backward broke its contract."""


class InPlaceError(BacksightError, ValueError):
    """An array that a backward pass still needs was written to."""


class FileFormatError(BacksightError, ValueError):
    """A saved file is damaged, was written by a newer version, or is something else."""


class UsageError(BacksightError, ValueError):
    """The command line or an option is wrong."""


class PrecisionWarning(UserWarning):
    """An op turned narrow floats into wider ones because of a constant."""
