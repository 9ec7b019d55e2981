"""Repairs in the user's own terms: the expression rewritten where that is certain."""

from __future__ import annotations

import ast
import re
import textwrap

from ..traces.recording import Site

MODULES = {"np", "numpy", "bs", "backsight", "torch", "F", "cp", "cupy", "jnp", "tf"}
CLIPS = {"clip", "clamp", "clip_", "clamp_", "clip_by_value", "hardtanh"}
SQUARES = {"square", "square_", "pow", "pow_", "power"}


def repair_of_clip(site: Site, source: str) -> str:
    """Say what to write in place of a clip that blocks gradient. `source`: `engine` or `torch`."""
    if site.side == "parameter":
        return (
            "Limit the parameter after the update, outside the graph, and use it unclipped in the "
            "forward pass; or bound it smoothly: low + (high - low) * sigmoid(p)."
        )
    bound = symmetric_bound(site)
    consumers = site.attributes.get("consumers", ())
    if bound is not None and "square" in consumers:
        return f"Use the Huber loss{huber_in(site, bound, source)}{huber_is(bound)}"
    if bound is not None and "absolute" in consumers:
        return (
            "Leave the clip out: the gradient of an absolute error is bounded by 1 already. "
            "For a smooth bottom use the Huber loss."
        )
    return (
        "Do not clip what the loss is computed from. To limit the influence of outliers bound the "
        "gradient instead: a Huber loss, or clip the gradients between backward() and the update. "
        "To keep a prediction in range use a smooth squashing (sigmoid, tanh, softplus), and clip "
        "only what is reported."
    )


def symmetric_bound(site: Site) -> float | None:
    """Return c where the range is [-c, c], else None."""
    low, high = site.attributes.get("low"), site.attributes.get("high")
    return high if low is not None and high is not None and low == -high and high > 0 else None


def huber_is(bound: float) -> str:
    """Say what the Huber loss does, for someone who meets it for the first time."""
    return (
        f"Inside ±{bound:g} it is the same parabola (halved); outside it goes on as a straight "
        f"line, so large errors still pull, with a gradient of at most {bound:g}."
    )


def huber_in(site: Site, bound: float, source: str) -> str:
    """Say what to write: the whole statement if it is at hand, else the call and what it replaces.

    The call is elementwise, as the square is, so the sum or mean around it stays the user's.
    """
    expression = site.where.expression if site.where else ""
    clipped = clipped_value(expression)
    shown = on_one_line(expression)
    if not clipped:
        return f" in place of the square of `{shown}`. " if shown else " in place of the square. "
    call = huber_call(clipped, bound, source)
    known = source != "torch" or re.search(r"\bF\.", site.source)
    note = "" if known else " (F is torch.nn.functional)"
    statement = rewritten(site.source, expression, call)
    if statement:
        return f"{note}:\n    {statement}\n"
    return f"{note}: `{call}` in place of the square of `{shown}`. "


def huber_call(value: str, bound: float, source: str) -> str:
    """Write the Huber loss of `value` against zero, for the library that the user writes in."""
    if source == "torch":
        zeros = f"torch.zeros_like({value})"
        return f'F.huber_loss({value}, {zeros}, reduction="none", delta={bound!r})'
    return f"bs.huber({value}, delta={bound!r})"


def rewritten(lines: str, expression: str, call: str) -> str:
    """Return the statement on `lines` with `call` for the square of `expression`.

    "" where that is not certain: the lines are no whole statement, or the square is not to be seen
    there exactly once.

    >>> rewritten("    loss = np.mean(np.clip(d, -1, 1) ** 2)  # why", "np.clip(d, -1, 1)", "h(d)")
    'loss = np.mean(h(d))'
    """
    text = textwrap.dedent(lines).strip()
    try:
        (statement,) = ast.parse(text).body
        wanted = ast.dump(ast.parse(expression.strip(), mode="eval").body)
    except (SyntaxError, ValueError):
        return ""
    squares = [
        node
        for node in ast.walk(statement)
        if (base := squared(node)) is not None and ast.dump(base) == wanted
    ]
    if len(squares) != 1:
        return ""
    square = ast.get_source_segment(text, squares[0]) or ""
    whole = ast.get_source_segment(text, statement) or ""
    if not square or whole.count(square) != 1 or ("\n" in whole and "#" in whole):
        return ""
    # Parentheses that were there for the square's sake, not for a call's.
    bare = re.sub(rf"(?<![\w)\]])\({re.escape(square)}\)", lambda _: call, whole)
    return on_one_line(bare if bare != whole else whole.replace(square, call))


def on_one_line(code: str) -> str:
    """Return code that stood on several lines on one."""
    return re.sub(r"(?<=[(\[]) | (?=[)\]])", "", " ".join(code.split()))


def squared(node: ast.AST) -> ast.expr | None:
    """Return what an expression is the square of, None if it is no square."""
    match node:
        case ast.BinOp(left=base, op=ast.Pow(), right=ast.Constant(value=2)):
            return base
        case ast.Call(func=ast.Attribute(value=value, attr=name), args=args, keywords=[]):
            if name not in SQUARES:
                return None
            operands = args if _is_module(value) else [value, *args]
            match operands:
                case [base] if name.startswith("square"):
                    return base
                case [base, ast.Constant(value=2)] if name.startswith("pow"):
                    return base
    return None


def clipped_value(expression: str) -> str:
    """Return the source of what a clip expression clips, "" where that is not certain.

    >>> clipped_value("np.clip(q - target, -1, 1)"), clipped_value("delta.clip(-1, 1)")
    ('q - target', 'delta')
    """
    try:
        call = ast.parse(expression.strip(), mode="eval").body
    except SyntaxError:
        return ""
    if not isinstance(call, ast.Call):
        return ""
    function = call.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    if name not in CLIPS:
        return ""
    if isinstance(function, ast.Attribute) and not _is_module(function.value):
        clipped: ast.expr | None = function.value
    else:
        clipped = call.args[0] if call.args else None
    if clipped is None or isinstance(clipped, ast.Starred):
        return ""
    found = ast.get_source_segment(expression.strip(), clipped) or ""
    return on_one_line(found)


def _is_module(value: ast.expr) -> bool:
    """Tell whether an expression names a library: `np`, `F`, `torch.nn.functional`."""
    if isinstance(value, ast.Attribute):
        return value.attr in ("nn", "functional", "special") and _is_module(value.value)
    if isinstance(value, ast.Name):
        return value.id in MODULES
    return False
