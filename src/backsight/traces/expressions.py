"""What the user wrote at a place: expressions of a source file by where they stand.

A file is parsed once. Positions are those of `Location`: lines and columns from 1, columns in
characters (Python itself counts UTF-8 bytes).
"""

from __future__ import annotations

import ast
import linecache
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

# line, end_line, column, end_column
Span: TypeAlias = tuple[int, int, int, int]
Expression: TypeAlias = ast.expr | ast.AugAssign


@dataclass(frozen=True, eq=False, slots=True)
class Source:
    """One source file as text, with its expressions by span and the names they are bound to.

    An augmented assignment counts as an expression: the interpreter places its operation there.
    """

    lines: list[str]
    nodes: dict[Span, Expression] = field(default_factory=dict)
    names: dict[Expression, str] = field(default_factory=dict)

    def text(self, span: Span) -> str:
        """Return the text of a span; the lines after its first keep their indentation to it."""
        line, end_line, column, end_column = span
        if line == end_line:
            return self.lines[line - 1][column - 1 : end_column - 1]
        first, *rest = self.lines[line - 1 : end_line]
        rest[-1] = rest[-1][: end_column - 1]
        indents = [len(text) - len(text.lstrip()) for text in rest if text.strip()]
        shared = min([column - 1, *indents])
        tail = [text[shared:].rstrip("\r\n") if text.strip() else "" for text in rest]
        return "\n".join([first[column - 1 :].rstrip("\r\n"), *tail])

    def text_of(self, node: ast.expr) -> str:
        """Return a sub-expression as one line: as written, or rewritten where it spans several."""
        if node.lineno == node.end_lineno:
            return self.text(span_of(node, self.lines))
        try:
            return ast.unparse(node)
        except RecursionError:
            return ""


def source_of(file: str, *, refresh: bool = False) -> Source:
    """Return the parsed text of a file or notebook cell; empty where there is none, or no Python.

    `refresh` looks whether the file has changed since it was last read.
    """
    try:
        if refresh:
            linecache.checkcache(file)
        lines = linecache.getlines(file)
    except Exception:  # a loader of the user's may raise anything; a name is not worth a crash
        return Source([])
    known = sources.get(file)
    if known is None or (known.lines is not lines and known.lines != lines):
        known = sources[file] = parse(lines)
    return known


sources: dict[str, Source] = {}


def parse(lines: list[str]) -> Source:
    """Index the expressions of a source text."""
    source = Source(lines)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the user has seen the warnings of their own file
            tree = ast.parse("".join(lines))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return source
    for node in ast.walk(tree):
        for expression, name in bindings(node, source):
            source.names.setdefault(expression, name)
        if isinstance(node, ast.expr | ast.AugAssign):
            source.nodes.setdefault(span_of(node, lines), node)
            for span in chained_spans(node, lines):
                source.nodes.setdefault(span, node)
        elif isinstance(node, ast.For):  # where Python 3.11 places the start of the iteration
            source.nodes.setdefault(span_of(node, lines), node.iter)
    return source


def span_of(node: Expression | ast.For, lines: list[str]) -> Span:
    """Return where a node of the syntax tree stands."""
    end_line, end_offset = node.end_lineno or node.lineno, node.end_col_offset or 0
    return (
        node.lineno,
        end_line,
        column_of(lines, node.lineno, node.col_offset),
        column_of(lines, end_line, end_offset),
    )


def column_of(lines: list[str], line: int, offset: int) -> int:
    """Turn an offset in UTF-8 bytes into a column in characters, from 1."""
    text = lines[line - 1] if line <= len(lines) else ""
    if text.isascii():
        return offset + 1
    return len(text.encode("utf-8", "surrogatepass")[:offset].decode("utf-8", "ignore")) + 1


def chained_spans(node: Expression, lines: list[str]) -> Iterator[Span]:
    """Yield where the interpreter places a link of a chain of methods over several lines.

    There it starts at the attribute's name, not at the start of the chain; `Location` at its dot.
    """
    link = node.func if isinstance(node, ast.Call) else node
    if not isinstance(link, ast.Attribute) or link.end_lineno == link.lineno:
        return
    line, offset = link.end_lineno or link.lineno, (link.end_col_offset or 0) - len(link.attr)
    if offset < 0:
        return
    _, end_line, _, end_column = span_of(node, lines)
    column = column_of(lines, line, offset)
    yield line, end_line, column, end_column
    if lines[line - 1][: column - 1].endswith("."):
        yield line, end_line, column - 1, end_column


def bindings(node: ast.AST, source: Source) -> Iterator[tuple[Expression, str]]:
    """Yield the expressions whose value a statement binds as it is, with the name they get."""
    match node:
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                yield from pairs(target, value, source)
        case ast.AnnAssign(target=target, value=ast.expr() as value):
            yield from pairs(target, value, source)
        case ast.NamedExpr(target=target, value=value):
            yield from pairs(target, value, source)
        case ast.AugAssign(target=target):
            if name := target_name(target, source):
                yield node, name


def pairs(target: ast.expr, value: ast.expr, source: Source) -> Iterator[tuple[ast.expr, str]]:
    """Yield value and name of one assignment; of each pair in `a, b = f(x), g(x)`."""
    if isinstance(target, ast.Tuple | ast.List):
        several = isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts)
        starred = any(isinstance(element, ast.Starred) for element in target.elts)
        if isinstance(value, ast.Tuple | ast.List) and several and not starred:
            for inner, part in zip(target.elts, value.elts, strict=True):
                yield from pairs(inner, part, source)
    elif name := target_name(target, source):
        yield value, name


def target_name(target: ast.expr, source: Source) -> str:
    """Return `h`, `self.h` or `cache["h"]`; "" for `x[i]`, which is another place each time."""
    match target:
        case ast.Name(id=name):
            return name
        case ast.Attribute() | ast.Subscript(slice=ast.Constant()):
            return source.text_of(target)
    return ""
