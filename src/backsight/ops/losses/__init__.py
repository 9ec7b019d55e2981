"""Losses: of numbers (regression) and of classes (classification)."""

from .classification import *  # noqa: F403
from .regression import *  # noqa: F403
