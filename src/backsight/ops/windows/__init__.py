"""Ops over windows of an image or a signal: unfolding, convolution, pooling."""

from .convolution import *  # noqa: F403
from .pooling import *  # noqa: F403
from .unfolding import *  # noqa: F403
