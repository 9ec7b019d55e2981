"""What is read from the source of a pair: twins, variants, and the checks that need the text."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..errors import OpError

if TYPE_CHECKING:
    from .protocol import Op

Function = Callable[..., Any]


def definition(function: Function) -> ast.FunctionDef:
    """Parse a function. Line numbers are those of its file.

    Raises OpError where there is no source, or where the file was changed since it was loaded: what
    is compiled from a text must be the function that runs.
    """
    try:
        text = inspect.getsource(function)
    except (OSError, TypeError) as error:
        raise OpError(
            f"{function.__name__}: its source cannot be read ({error}); define it in a file or a "
            "notebook cell, not by exec"
        ) from None
    first = function.__code__.co_firstlineno
    tree = ast.parse(textwrap.dedent(text))
    found = tree.body[0]
    if not isinstance(found, ast.FunctionDef):
        raise OpError(f"{function.__name__}: an op is written with def, not as a lambda")
    found.decorator_list = []
    ast.increment_lineno(found, first - 1)
    return found


def returned_names(forward: Function) -> tuple[str, ...] | None:
    """Return the names of several outputs (`return h_next, c_next`), None where there is one."""
    value = _returns(definition(forward))[-1].value
    if not isinstance(value, ast.Tuple):
        return None
    names = tuple(item.id for item in value.elts if isinstance(item, ast.Name))
    if len(names) != len(value.elts):
        raise OpError(
            f"{forward.__name__}: several outputs are returned as plain names (return h_next, "
            f"c_next), not as `{ast.unparse(value)}`"
        )
    return names


def twin(op: Op) -> Function:
    """Compile the forward so that it returns `out, (saved locals)`. Tracebacks stay right."""
    forward = op.forward
    if forward.__closure__:
        raise OpError(
            f"{op.name}: the backward asks for {', '.join(op.saves)} of the forward, which is "
            f"defined inside a function and uses {', '.join(forward.__code__.co_freevars)} from "
            "it; define the op at the top level of a module, or make those names attributes"
        )
    tree = definition(forward)
    returns = _returns(tree)
    if len(returns) != 1 or tree.body[-1] is not returns[0] or returns[0].value is None:
        raise OpError(
            f"{op.name}: the backward asks for {', '.join(op.saves)} of the forward, which then "
            f"must have one return, as its last line; it has {len(returns)}"
        )
    saved = ast.Tuple([ast.Name(name, ast.Load()) for name in op.saves], ast.Load())
    returns[0].value = ast.Tuple([returns[0].value, saved], ast.Load())
    return compiled(tree, forward)


def variant(op: Op, wanted: frozenset[str]) -> Function:
    """Compile the backward without what only unwanted gradients need. See `Op.variant`."""
    backward = op.backward_function
    if backward is None:
        raise OpError(f"{op.name} has no backward")
    if op.listed or len(op.inputs) == 1 or wanted >= set(op.inputs) or backward.__closure__:
        return backward
    try:
        tree = definition(backward)
    except OpError:
        return backward
    last = tree.body[-1]
    straight = all(isinstance(line, ast.Assign | ast.Expr) for line in tree.body[:-1])
    if not straight or not isinstance(last, ast.Return) or not isinstance(last.value, ast.Tuple):
        return backward
    last.value.elts = [
        place if name in wanted else ast.Constant(None)
        for name, place in zip(op.inputs, last.value.elts, strict=True)
    ]
    needed = _names(last)
    kept: list[ast.stmt] = [last]
    for line in reversed(tree.body[:-1]):
        if isinstance(line, ast.Assign):
            targets = {name for target in line.targets for name in _names(target)}
            if targets & needed:
                needed |= _names(line.value)
                kept.append(line)
    tree.body = kept[::-1]
    return compiled(tree, backward)


def compiled(tree: ast.FunctionDef, like: Function) -> Function:
    """Compile a changed definition in the place of `like`: same file, same globals."""
    tree.returns = None
    for argument in (*tree.args.posonlyargs, *tree.args.args, *tree.args.kwonlyargs):
        argument.annotation = None
    if tree.args.vararg:
        tree.args.vararg.annotation = None
    module = ast.fix_missing_locations(ast.Module([tree], type_ignores=[]))
    made: dict[str, Function] = {}
    exec(compile(module, like.__code__.co_filename, "exec"), like.__globals__, made)
    return made[tree.name]


def check_pair(op: Op) -> None:
    """Check what needs the text of forward and backward. Raises OpError; silent without source."""
    backward = op.backward_function
    assert backward is not None
    try:
        forward_tree, backward_tree = definition(op.forward), definition(backward)
    except OpError:
        return
    rebound = _stored(forward_tree) & set(op.inputs) & set(op.asks)
    if rebound:
        name = sorted(rebound)[0]
        raise OpError(
            f"{backward.__name__} asks for {name!r}, which {op.name} rebinds; "
            "give the new value another name, so that it is clear which one is meant"
        )
    if op.saves:
        _ = op.twin
    for returned in _returns(backward_tree):
        _check_places(op, backward.__name__, returned)


def _check_places(op: Op, name: str, returned: ast.Return) -> None:
    value = returned.value
    if op.listed or value is None:
        return
    places = value.elts if isinstance(value, ast.Tuple) else [value]
    single_call = not isinstance(value, ast.Tuple) and len(op.inputs) > 1
    if single_call:
        return  # the call of a helper that returns them all; the walk counts them
    if len(places) != len(op.inputs):
        raise OpError(
            f"{name} returns {len(places)} gradients; {op.name} has {len(op.inputs)} inputs: "
            f"{', '.join(op.inputs)}"
        )
    gradients = {f"d{each}" for each in op.inputs}
    for place, each in zip(places, op.inputs, strict=True):
        if isinstance(place, ast.Name) and place.id in gradients and place.id != f"d{each}":
            raise OpError(
                f"{name} returns {place.id} in the place of d{each}; "
                f"gradients are returned in the order of the inputs: {', '.join(op.inputs)}"
            )


def _returns(tree: ast.FunctionDef) -> list[ast.Return]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.Return)]


def _names(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def _stored(tree: ast.AST) -> set[str]:
    return {
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
