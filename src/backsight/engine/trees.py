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


def names_of(tree: Any, name: str) -> list[str]:
    """Say for every leaf how Python would reach it from a variable, in the order of `leaves_of`.

    >>> names_of({"w": 1.0, "layers": [2.0, 3.0]}, "params")
    ["params['w']", "params['layers'][0]", "params['layers'][1]"]
    """
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        parts = [(f".{field}", getattr(tree, field)) for field in tree._fields]
    elif isinstance(tree, tuple | list):
        parts = [(f"[{i}]", part) for i, part in enumerate(tree)]
    elif isinstance(tree, dict):
        parts = [(f"[{key!r}]", part) for key, part in tree.items()]
    else:
        return [] if tree is None else [name]
    return [found for step, part in parts for found in names_of(part, name + step)]


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
    if tree is None:
        return []
    if isinstance(tree, tuple | list):
        fits = isinstance(given, tuple | list) and len(given) == len(tree)
    elif isinstance(tree, dict):
        fits = isinstance(given, dict) and set(given) == set(tree)
    else:
        whole = given is not None and not isinstance(given, tuple | dict)
        fits = whole and _shape(given) == _shape(tree)
    if not fits:
        raise ValueError(f"{_form(tree)} is expected, not {_form(given)}")
    if not isinstance(tree, tuple | list | dict):
        return [given]
    places = tree if isinstance(tree, dict) else range(len(tree))
    return [leaf for place in places for leaf in leaves_like(tree[place], given[place])]


def _shape(leaf: Any) -> tuple[int, ...]:
    return tuple(getattr(leaf, "shape", None) or np.shape(leaf))


def _form(given: Any) -> str:
    if isinstance(given, dict):
        return f"a dict of {sorted(map(str, given))}"
    if isinstance(given, tuple | list):
        return f"a {type(given).__name__} of {len(given)}"
    return "None" if given is None else f"shape {_shape(given)}"
