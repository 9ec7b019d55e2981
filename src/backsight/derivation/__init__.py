"""Derivations: the chain rule of a pass worked by hand."""

from .derivation import Derivation as Derivation
from .derivation import derive as derive
