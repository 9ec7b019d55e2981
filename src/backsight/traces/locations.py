"""From a frame to the user's own words: `locate`, `assigned_name`, `argument_names`.

Recording a place must cost next to nothing, so a source keeps `(frame.f_code, frame.f_lasti)` and
asks here only when somebody reads the trace.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from types import CodeType

from .expressions import Expression, Source, Span, column_of, source_of, span_of
from .trace import Location

MOST_CODE_OBJECTS = 10_000  # a notebook makes new ones for ever


@dataclass(frozen=True, eq=False, slots=True)
class Seen:
    """A code object with its file as it was when the code was first met, and places found in it.

    Holding the code object keeps its id from being used again. (Code objects themselves compare
    equal across files, so they cannot be keys.)
    """

    code: CodeType
    source: Source
    locations: dict[int, Location] = field(default_factory=dict)


seen: dict[int, Seen] = {}


@dataclass(frozen=True, slots=True)
class Arguments:
    """What the user wrote for each argument of a call, or for each operand of an operator.

    `receiver` is `x` in `x.dot(w)`: the first operand if `dot` is a method, a module otherwise.
    """

    positional: tuple[str, ...] = ()
    keyword: Mapping[str, str] = field(default_factory=dict)
    receiver: str = ""


def locate(code: CodeType, lasti: int) -> Location:
    """Return the place of instruction `lasti` (a frame's `f_lasti`): its exact sub-expression.

    In a chain of methods over several lines, that is the link from its dot on. `expression` is ""
    where there is no source text, or where it has been edited and no longer fits the code. Where
    the interpreter was told to keep no columns, the whole line stands for the expression. Never
    raises.
    """
    known = seen.get(id(code))
    if known is None:
        if len(seen) >= MOST_CODE_OBJECTS:
            seen.clear()
        known = seen[id(code)] = Seen(code, source_of(code.co_filename, refresh=True))
    found = known.locations.get(lasti)
    if found is None:
        found = known.locations[lasti] = resolve(code, lasti, known.source)
    return found


def resolve(code: CodeType, lasti: int, source: Source) -> Location:
    """Find the place of an instruction in its source, without the cache."""
    nowhere = (code.co_firstlineno, None, None, None)
    positions = islice(code.co_positions(), max(lasti, 0) // 2, None)
    line, end_line, offset, end_offset = next(positions, nowhere)
    line = max(line or code.co_firstlineno, 1)
    end_line = max(end_line or line, line)
    if offset is None or end_offset is None or (line, offset) > (end_line, end_offset):
        span, expression = whole_line(source, line)
    else:
        start = column_of(source.lines, line, offset)
        span = (line, end_line, start, column_of(source.lines, end_line, end_offset))
        expression = ""
        if node := source.nodes.get(span):
            span = shown_span(node, span, source)
            expression = source.text(span)
    line, end_line, column, end_column = span
    return Location(
        code.co_filename, line, end_line, column, end_column, expression, code.co_qualname
    )


def shown_span(node: Expression, span: Span, source: Source) -> Span:
    """Return what to show of an expression that the interpreter places at `span`."""
    line, end_line, column, end_column = span
    own = span_of(node, source.lines)
    if own == span or (own[1], own[3]) != (end_line, end_column):
        return own
    linked = source.lines[line - 1][column - 2 : column - 1] == "."  # a link of a method chain
    return line, end_line, column - linked, end_column


def whole_line(source: Source, line: int) -> tuple[Span, str]:
    """Return span and text of a line without its indentation and its end."""
    text = source.lines[line - 1].rstrip() if line <= len(source.lines) else ""
    column = len(text) - len(text.lstrip()) + 1
    return (line, line, column, max(len(text) + 1, column)), text.lstrip()


def source_lines(location: Location, context: int = 1) -> tuple[int, tuple[str, ...]]:
    """Return the lines of a place with `context` lines around it, and the number of the first.

    No lines where there is no source text, or where it has been edited since the trace was made.
    """
    source = source_of(location.file)
    if not fits(location, source):
        return location.line, ()
    first = max(location.line - context, 1)
    lines = source.lines[first - 1 : location.end_line + context]
    return first, tuple(line.rstrip("\r\n") for line in lines)


def assigned_name(location: Location) -> str:
    """Return the name that a value is bound to where it is computed: `h` in `h = relu(x)`.

    The value must be bound as it is, so `x @ w` in `h = relu(x @ w)` gets "", and in `h += x` the
    name belongs to the sum. Names are `h`, `self.h` and `cache["h"]`. "" where there is none.
    """
    found = expression_at(location)
    return found[0].names.get(found[1], "") if found else ""


def argument_names(location: Location) -> Arguments:
    """Return what the user wrote for each argument of the call (operator, subscript) there.

    Positional arguments end before the first `*xs`, whose length nobody knows. Empty where there is
    no call.
    """
    found = expression_at(location)
    if found is None:
        return Arguments()
    source, node = found
    match node:
        case ast.Call(func=function, args=arguments, keywords=keywords):
            starred = (i for i, each in enumerate(arguments) if isinstance(each, ast.Starred))
            named = {each.arg: source.text_of(each.value) for each in keywords if each.arg}
            receiver = function.value if isinstance(function, ast.Attribute) else None
            return Arguments(
                tuple(source.text_of(each) for each in arguments[: next(starred, None)]),
                named,
                source.text_of(receiver) if receiver else "",
            )
        case _:
            return Arguments(tuple(source.text_of(each) for each in operands(node)))


def operands(node: Expression) -> tuple[ast.expr, ...]:
    """Return the operands of an operator, a subscript or an attribute, in order."""
    match node:
        case ast.BinOp(left=left, right=right) | ast.Compare(left=left, comparators=[right]):
            return left, right
        case ast.Subscript(value=value, slice=index):
            return value, index
        case ast.AugAssign(target=target, value=value):
            return target, value
        case ast.UnaryOp(operand=operand) | ast.Attribute(value=operand):
            return (operand,)
    return ()


def expression_at(location: Location) -> tuple[Source, Expression] | None:
    """Return the syntax tree of a place, if its file still says what the place says."""
    source = source_of(location.file)
    node = source.nodes.get(span_at(location))
    return (source, node) if node is not None and fits(location, source) else None


def fits(location: Location, source: Source) -> bool:
    """Tell whether a source text has the expression of a place where the place says it is."""
    known = 1 <= location.line <= location.end_line <= len(source.lines)
    return known and location.expression == source.text(span_at(location)) != ""


def span_at(location: Location) -> Span:
    """Return the four numbers of a place."""
    return location.line, location.end_line, location.column, location.end_column
