"""Places: what a frame says against what is written there, character by character."""

from __future__ import annotations

import ast
import dataclasses
import dis
import json
import linecache
import operator
import sys
import textwrap
import types
from pathlib import Path

import pytest

from backsight.traces import (
    Arguments,
    Location,
    argument_names,
    assigned_name,
    locate,
    source_lines,
)


class Recorder:
    """Stands for a tensor: every operation records its place and gives another one."""

    def __init__(self, places):
        self.places = places

    def record(self, depth=2):
        frame = sys._getframe(depth)
        self.places.append((frame.f_code, frame.f_lasti))
        return self

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return self.record() if name in ("T", "mT") else lambda *a, **k: self.record()

    def __setitem__(self, index, value):
        self.record()

    def __iter__(self):
        return iter([self.record(), self])

    def __bool__(self):
        return bool(self.record())


def binary(self, *others, **keywords):
    return self.record()


OPERATORS = """add radd iadd sub mul rmul imul matmul imatmul truediv pow neg abs lt gt le eq
getitem call"""
for name in OPERATORS.split():
    setattr(Recorder, f"__{name}__", binary)
Recorder.__hash__ = object.__hash__


def run(text, tmp_path, name="program.py"):
    """Run a program with recorders x, y, w, f, g, self, cache; return the places it recorded."""
    file = tmp_path / name
    file.write_text(textwrap.dedent(text), encoding="utf-8")
    places = []
    recorder = Recorder(places)
    space = dict.fromkeys(("x", "y", "w", "f", "g", "入力"), recorder)
    space |= {"self": types.SimpleNamespace(x=recorder, f=recorder), "cache": {"x": recorder}}
    exec(compile(file.read_text(encoding="utf-8"), str(file), "exec"), space)
    return [locate(*place) for place in places]


@pytest.mark.parametrize(
    ("text", "expressions"),
    [
        ("h = f(x @ w)", ["x @ w", "f(x @ w)"]),
        ("h = f(x @ w + y)", ["x @ w", "x @ w + y", "f(x @ w + y)"]),
        ("h = (f(x))", ["f(x)"]),
        ("h = x.T @ w", ["x.T", "x.T @ w"]),
        ("h = -x", ["-x"]),
        ("h = x[0, 1:2]", ["x[0, 1:2]"]),
        ("x[0] = y", ["x[0]"]),
        ("x < y", ["x < y"]),
        ("h = self.f(self.x).sum(axis=0)", ["self.f(self.x)", "self.f(self.x).sum(axis=0)"]),
        ("h = f(*[x], **{'a': 1})", ["f(*[x], **{'a': 1})"]),
        ("h = [f(i) for i in range(2)]", ["f(i)", "f(i)"]),
        ("h = (lambda a: f(a))(x)", ["f(a)"]),
        ("for row in x: f(row)", ["x", "f(row)", "f(row)"]),
        ("a, b = x", ["a, b"]),
        ("h = 入力 @ f(入力)", ["f(入力)", "入力 @ f(入力)"]),
        ("h = 'é𝒳' and f('漢字', x)", ["f('漢字', x)"]),
        ("if 1:\n\th = f(\tx )", ["f(\tx )"]),
        ("h = 2 * x; g(h)", ["2 * x", "g(h)"]),
        ("h = f(x) if 1 else g(x)", ["f(x)"]),
    ],
)
def test_the_exact_expression(text, expressions, tmp_path):
    assert [place.expression for place in run(text, tmp_path)] == expressions


def test_augmented_assignment_is_the_whole_statement(tmp_path):
    (place,) = run("x += y", tmp_path)
    assert (place.expression, assigned_name(place)) == ("x += y", "x")
    assert argument_names(place).positional == ("x", "y")


def test_columns_count_characters_from_one(tmp_path):
    (place,) = run("a = 'äöü€𝒳' and f(入力)", tmp_path)
    assert (place.line, place.end_line, place.column, place.end_column) == (1, 1, 17, 22)
    assert place.expression == "f(入力)"


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        (
            """
            if 1:
                h = f(
                    x,
                    y,
                )
            """,
            "f(\n    x,\n    y,\n)",
        ),
        (
            """
            if 1:
                h = f(x,
                      y)
            """,
            "f(x,\n  y)",
        ),
        (
            """
            if 1:
                h = (x

              +  # a comment
                y)
            """,
            "x\n\n+  # a comment\n  y",
        ),
    ],
)
def test_several_lines_are_joined_as_written_without_the_indentation(text, expression, tmp_path):
    (place,) = run(text, tmp_path)
    assert place.expression == expression


def test_a_chain_over_several_lines_is_placed_at_its_link(tmp_path):
    text = """\
    h = (
        f(x)
        .clamp(-1, 1)
        .T
        .mean(
            axis=0,
        )
    )
    """
    places = run(text, tmp_path)
    assert [(place.line, place.column, place.expression) for place in places] == [
        (2, 5, "f(x)"),
        (3, 5, ".clamp(-1, 1)"),
        (4, 5, ".T"),
        (5, 5, ".mean(\n    axis=0,\n)"),
    ]
    assert [assigned_name(place) for place in places] == ["", "", "", "h"]
    assert argument_names(places[1]) == Arguments(("-1", "1"), {}, "f(x)")
    assert argument_names(places[3]) == Arguments((), {"axis": "0"}, "f(x).clamp(-1, 1).T")


def test_function_is_the_qualified_name(tmp_path):
    text = """
    class Net:
        def forward(self, x):
            return [f(x) for _ in [0]]
    Net().forward(x)
    f(x)
    """
    inner, outer = run(text, tmp_path)
    assert inner.function.startswith("Net.forward")
    assert outer.function == "<module>"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("h = f(x @ w)", ["", "h"]),
        ("h: object = f(x)", ["h"]),
        ("h = f(x) + y", ["", "h"]),
        ("self.h = f(x)", ["self.h"]),
        ("cache['h'] = f(x)", ["cache['h']"]),
        ("i = 0; cache[i] = f(x)", [""]),
        ("a = b = f(x)", ["a"]),
        ("a, b = f(x), g(y)", ["a", "b"]),
        ("(a, [b, c]) = f(x), (g(y), -x)", ["a", "b", "c"]),
        ("a, *b = f(x), g(y)", ["", ""]),
        ("if (h := f(x)) is None: pass", ["h"]),
        ("y2 = (h := f(x))", ["h"]),
        ("def loss():\n    return f(x)\nloss()", [""]),
        ("h = f(x) if 1 else None", [""]),
        ("h = (f(\n  x))", ["h"]),
        ("h = [f(x)]", [""]),
        ("f(x)", [""]),
    ],
)
def test_assigned_name(text, names, tmp_path):
    assert [assigned_name(place) for place in run(text, tmp_path)] == names


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        (
            "f(x, cache[\"x\"], b=self.x, **{'c': 1})",
            Arguments(("x", 'cache["x"]'), {"b": "self.x"}),
        ),
        ("f(x, *[y], w)", Arguments(("x",))),
        ("x.dot(w)", Arguments(("w",), {}, "x")),
        ("x @ w", Arguments(("x", "w"))),
        ("x < w", Arguments(("x", "w"))),
        ("x[0, 1:]", Arguments(("x", "0, 1:"))),
        ("-x", Arguments(("x",))),
        ("x.T", Arguments(("x",))),
        ("f((x,\n  'a'),  # why\n  b=[\n  1])", Arguments(("(x, 'a')",), {"b": "[1]"})),
        ("f()", Arguments()),
    ],
)
def test_argument_names(text, arguments, tmp_path):
    *_, place = run(text, tmp_path)
    assert argument_names(place) == arguments


def test_reading_is_cached_by_instruction(tmp_path):
    text = "for _ in range(2):\n    h = f(x)"
    first, second = run(text, tmp_path)
    assert first is second


def test_equal_code_in_two_files_is_kept_apart(tmp_path):
    """Code objects compare equal whatever file they are from."""
    (first,) = run("h = f(x)", tmp_path, "one.py")
    (second,) = run("h = f(x)", tmp_path, "two.py")
    assert first.file != second.file


def test_notebook_cells():
    cell = "h = 'é' and f(x)\n"
    linecache.cache["<cell 7>"] = (len(cell), None, cell.splitlines(True), "<cell 7>")
    places = []
    exec(compile(cell, "<cell 7>", "exec"), {"f": Recorder(places), "x": 1})
    (place,) = [locate(*place) for place in places]
    assert (place.file, place.expression, place.column) == ("<cell 7>", "f(x)", 13)
    assert source_lines(place) == (1, ("h = 'é' and f(x)",))


def test_no_source_gives_the_line_and_no_text():
    places = []
    exec(compile("\nh = f(x)", "<nowhere>", "exec"), {"f": Recorder(places), "x": 1})
    (place,) = [locate(*place) for place in places]
    assert (place.file, place.line, place.column, place.expression) == ("<nowhere>", 2, 5, "")
    assert assigned_name(place) == ""
    assert argument_names(place) == Arguments()
    assert source_lines(place) == (2, ())


def test_an_edited_file_is_not_misquoted(tmp_path):
    file = tmp_path / "edited.py"
    file.write_text("h = f(x)\n")
    places = []
    exec(compile(file.read_text(), str(file), "exec"), {"f": Recorder(places), "x": 1})
    file.write_text("# now a comment stands here\nh = f(x)\n")
    (place,) = [locate(*place) for place in places]
    assert (place.line, place.expression) == (1, "")


def test_an_edit_after_reading_changes_nothing_said_before(tmp_path):
    (place,) = run("h = f(x)", tmp_path, "later.py")
    Path(place.file).write_text("k = g(x)")
    linecache.checkcache(place.file)
    assert place.expression == "f(x)"
    assert assigned_name(place) == ""
    assert source_lines(place) == (1, ())


def test_a_reloaded_file_is_read_again(tmp_path):
    run("h = f(x)", tmp_path, "reload.py")
    (place,) = run("h = g(x)  # longer", tmp_path, "reload.py")
    assert place.expression == "g(x)"


def test_an_unreadable_file_is_no_text(tmp_path):
    code = compile("h = f(x)", str(tmp_path / "broken.py"), "exec")
    (tmp_path / "broken.py").write_text("h = f(x\n")
    assert locate(code, 0).expression == ""


def test_without_columns_the_line_stands_for_the_expression(tmp_path):
    """As under `python -X no_debug_ranges`."""
    file = tmp_path / "bare.py"
    file.write_text("if 1:\n    h = f(x)  \n")
    code = compile(file.read_text(), str(file), "exec")
    bare = types.SimpleNamespace(
        co_filename=str(file),
        co_firstlineno=1,
        co_qualname="<module>",
        co_positions=lambda: ((2, None, None, None) for _ in code.co_code),
    )
    place = locate(bare, 4)
    assert (place.line, place.column, place.end_column) == (2, 5, 13)
    assert (place.expression, assigned_name(place)) == ("h = f(x)", "")


@pytest.mark.parametrize("lasti", [-1, 0, 10**6])
def test_any_instruction_has_a_place(lasti):
    def function():
        return 1

    place = locate(function.__code__, lasti)
    assert place.file == __file__
    assert place.line >= 1


@pytest.mark.parametrize(
    "place",
    [
        Location("no/such/file.py", 1, 1, 1, 2, "x", "f"),
        Location(__file__, 10**9, 10**9, 1, 2, "x", "f"),
        Location(__file__, 5, 2, 1, 2, "x", "f"),
        Location(__file__, 1, 3, 99, 500, "", "f"),
        Location(__file__, -3, -1, -7, -9, "x", ""),
        Location("", 0, 0, 0, 0, "", ""),
    ],
)
def test_odd_places_give_nothing(place):
    assert assigned_name(place) == ""
    assert argument_names(place) == Arguments()
    assert source_lines(place) == (place.line, ())


def test_source_lines_are_numbered_and_stay_in_the_file(tmp_path):
    (place,) = run("a = 1\nb = f(x)\n", tmp_path)
    assert source_lines(place) == (1, ("a = 1", "b = f(x)"))
    assert source_lines(place, context=0) == (2, ("b = f(x)",))


OPERATIONS = ("CALL", "CALL_KW", "CALL_FUNCTION_EX", "BINARY_OP", "BINARY_SUBSCR", "COMPARE_OP")


@pytest.mark.parametrize("module", [ast, dataclasses, json, operator, textwrap, types])
def test_every_operation_of_real_modules(module):
    """The text between the interpreter's own byte offsets, and what kind of expression it is."""
    lines = Path(module.__file__).read_bytes().splitlines(keepends=True)
    top = compile(b"".join(lines), module.__file__, "exec", dont_inherit=True)
    checked = 0
    for code in codes(top):
        for instruction in dis.get_instructions(code):
            line, end_line, start, end = instruction.positions
            if instruction.opname not in OPERATIONS or line != end_line:
                continue
            place = locate(code, instruction.offset)
            statement = lines[line - 1].split()[0] in (b"class", b"with", b"assert", b"@overload")
            written = lines[line - 1][start:end].decode()
            assert place.expression.removeprefix(".") == written or statement
            checked += bool(place.expression)
            assigned_name(place)
            argument_names(place)
    assert checked > 0


def codes(code):
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from codes(constant)
