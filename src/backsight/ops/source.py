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
        text = inspect.getsource(function.__code__)  # its own, not what a decorator wraps
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
    # Defaults may be names of the place of definition, so they are not evaluated again.
    tree.args.defaults = [ast.Constant(None) for _ in tree.args.defaults]
    tree.args.kw_defaults = [each and ast.Constant(None) for each in tree.args.kw_defaults]
    module = ast.fix_missing_locations(ast.Module([tree], type_ignores=[]))
    made: dict[str, Function] = {}
    exec(compile(module, like.__code__.co_filename, "exec"), like.__globals__, made)
    changed: Any = made[tree.name]
    for given in ("__defaults__", "__kwdefaults__"):
        setattr(changed, given, getattr(like, given))
    return changed  # type: ignore[no-any-return]


def check_pair(op: Op) -> None:
    """Check what needs the text of forward and backward. Raises OpError.

    Silent where there is no source to read, unless the backward asks for locals of the forward.
    """
    backward = op.backward_function
    assert backward is not None
    try:
        forward_tree, backward_tree = definition(op.forward), definition(backward)
    except OpError:
        if op.saves:
            raise
        return
    _check_outputs(op, backward.__name__, forward_tree)
    for function, tree, given in (
        (op.forward, forward_tree, {*op.inputs, *op.attributes, op.listed}),
        (backward, backward_tree, set(op.asks)),
    ):
        written = _written(tree) & given
        if written:
            name = sorted(written)[0]
            raise OpError(
                f"{function.__name__} writes into {name}, which others still need; "
                f"make a new array: changed = {name} + 1"
            )
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
    alone = isinstance(value, ast.BinOp | ast.UnaryOp | ast.Constant | ast.Compare)
    alone = alone or (isinstance(value, ast.Name) and value.id in {f"d{x}" for x in op.inputs})
    if len(op.inputs) > 1 and not isinstance(value, ast.Tuple) and not alone:
        return  # the call of a helper, say, that returns them all; the walk counts them
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


def _check_outputs(op: Op, name: str, forward: ast.FunctionDef) -> None:
    value = _returns(forward)[-1].value if _returns(forward) else None
    if isinstance(value, ast.Tuple) and op.outputs == ("out",):
        named = " and ".join(f"d{ast.unparse(each)}" for each in value.elts)
        raise OpError(
            f"{name} asks for dout, but {op.name} returns {len(value.elts)} outputs; "
            f"it may ask for {named}"
        )


def _returns(tree: ast.FunctionDef) -> list[ast.Return]:
    inner = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and function is not tree
        for node in ast.walk(function)
    }
    return [
        node for node in ast.walk(tree) if isinstance(node, ast.Return) and id(node) not in inner
    ]


_WRITING = ("fill", "itemset", "partition", "put", "resize", "sort")


def _written(tree: ast.AST) -> set[str]:
    """Return the names whose arrays a body writes into, as far as it shows."""
    found: set[str] = set()
    for node in ast.walk(tree):
        targets: list[ast.expr] = []
        match node:
            case ast.Assign(targets=several):
                targets = [each for each in several if isinstance(each, ast.Subscript)]
            case ast.AugAssign(target=changed):
                targets = [changed]
            case ast.keyword(arg="out", value=value):
                targets = [value]
            case ast.Call(func=ast.Attribute(value=value, attr=name)) if name in _WRITING:
                targets = [value]
        for target in targets:
            while isinstance(target, ast.Subscript | ast.Attribute):
                target = target.value
            if isinstance(target, ast.Name):
                found.add(target.id)
    return found


def _names(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def _stored(tree: ast.AST) -> set[str]:
    return {
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
