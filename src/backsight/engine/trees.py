"""Nested tuples, lists and dicts of arrays, taken apart and put together."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np


def leaves_of(tree: Any) -> list[Any]:
    """List the leaves of nested containers, in order; dicts by insertion."""
    if isinstance(tree, tuple | list):
        return [leaf for part in tree for leaf in leaves_of(part)]
    if isinstance(tree, dict):
        return [leaf for part in tree.values() for leaf in leaves_of(part)]
    return [] if tree is None else [tree]


def mapped(function: Callable[[Any], Any], tree: Any) -> Any:
    """Apply a function to every leaf; None stays None."""
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(*(mapped(function, part) for part in tree))
    if isinstance(tree, tuple | list):
        return type(tree)(mapped(function, part) for part in tree)
    if isinstance(tree, dict):
        return {key: mapped(function, part) for key, part in tree.items()}
    return None if tree is None else function(tree)


def refilled(tree: Any, leaves: Iterable[Any]) -> Any:
    """Put other leaves into the places of a tree's, in order."""
    left = iter(leaves)
    return mapped(lambda _: next(left), tree)


def leaves_like(tree: Any, given: Any) -> list[Any]:
    """List the leaves of `given` in the order of `tree`'s: the same containers, keys and shapes.

    Raises ValueError that says where they differ.
    """
    if isinstance(tree, tuple | list):
        if not isinstance(given, tuple | list) or len(given) != len(tree):
            raise ValueError(f"a {type(tree).__name__} of {len(tree)} is expected, not {_form(given)}")
        pairs: Iterable[tuple[Any, Any]] = zip(tree, given, strict=True)
    elif isinstance(tree, dict):
        if not isinstance(given, dict) or set(given) != set(tree):
            raise ValueError(f"a dict of {sorted(map(str, tree))} is expected, not {_form(given)}")
        pairs = ((part, given[key]) for key, part in tree.items())
    elif tree is None:
        return []
    else:
        if isinstance(given, tuple | dict) or given is None or _shape(given) != _shape(tree):
            raise ValueError(f"shape {_shape(tree)} is expected, not {_form(given)}")
        return [given]
    return [leaf for part, other in pairs for leaf in leaves_like(part, other)]


def _shape(leaf: Any) -> tuple[int, ...]:
    return tuple(getattr(leaf, "shape", None) or np.shape(leaf))


def _form(given: Any) -> str:
    if isinstance(given, dict):
        return f"a dict of {sorted(map(str, given))}"
    if isinstance(given, tuple | list):
        return f"a {type(given).__name__} of {len(given)}"
    return "None" if given is None else f"shape {_shape(given)}"
