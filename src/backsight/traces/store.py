"""One trace in one file: `save_trace` and `load_trace`.

The file is NumPy's `.npz`: every array is a member, and the member `trace.json` holds the rest as
UTF-8 text. Nothing is pickled, so a file from a stranger can do no more than be wrong.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DTypeError, FileFormatError
from .encoding import Arrays, as_plain_array, decode, encode, encode_number
from .statistics import Statistics
from .trace import LEAVES, Edge, Location, Node, Trace

FORMAT = "backsight trace"
VERSION = 1
DOCUMENT = "trace.json"
PLAIN = (bool, int, float, str)


def save_trace(trace: Trace, path: str | os.PathLike[str]) -> None:
    """Write a trace to a file, whole or not at all.

    Attributes that are functions or random generators are kept as their text. Raises DTypeError for
    a value that no file can hold (an array that stays on its device, or one of Python objects).
    """
    arrays = Arrays()
    document = {
        "format": FORMAT,
        "version": VERSION,
        "source": trace.source,
        "nodes": [node_form(node, arrays) for node in trace.nodes],
    }
    text = json.dumps(document, allow_nan=False).encode()
    members = {DOCUMENT: np.frombuffer(text, dtype=np.uint8), **arrays.members}
    target = Path(os.path.realpath(path))  # a link stays a link
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("xb") as file:
            np.savez(file, **members)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def node_form(node: Node, arrays: Arrays) -> dict[str, Any]:
    """Return the JSON form of a node; fields that say nothing are left out."""
    form = {
        "op": node.op,
        "inputs": [dataclasses.asdict(edge) for edge in node.inputs],
        "attributes": {key: encode(value, arrays) for key, value in node.attributes.items()},
        "name": node.name,
        "module": node.module,
        "where": dataclasses.asdict(node.where) if node.where else None,
        "value": array_form(node, node.value, arrays),
        "grad": array_form(node, node.grad, arrays),
        "value_stats": statistics_form(node.value_stats),
        "grad_stats": statistics_form(node.grad_stats),
    }
    return {key: part for key, part in form.items() if part not in (None, "", [], {})}


def outline_form(trace: Trace) -> dict[str, Any]:
    """Return a trace without its arrays as plain JSON: the graph, its places, its statistics."""
    arrays = Arrays()
    nodes = []
    for node in trace:
        bare = dataclasses.replace(node, value=None, grad=None, attributes=plain_parts(node))
        nodes.append(node_form(bare, arrays))
    return {"format": FORMAT, "version": VERSION, "source": trace.source, "nodes": nodes}


def plain_parts(node: Node) -> dict[str, Any]:
    """Return the attributes that are numbers, words, or short tuples of numbers."""
    kept = {}
    for name, value in node.attributes.items():
        parts = value if isinstance(value, tuple) else (value,)
        if len(parts) <= 8 and all(part is None or type(part) in PLAIN for part in parts):
            kept[name] = value
    return kept


def read_outline(form: Any) -> Trace:
    """Return the trace of an outline. Raises FileFormatError for a form that nobody wrote."""
    check_document(form)
    arrays = Arrays()
    nodes: list[Node] = []
    for each in field_of(form, "nodes", list):
        nodes.append(read_node(each, nodes, arrays))
    return Trace(tuple(nodes), field_of(form, "source", str))


def array_form(node: Node, value: Any, arrays: Arrays) -> Any:
    """Return the JSON form of a value or gradient: an array, a number, a tuple of them or None."""
    if isinstance(value, tuple):
        return {"tuple": [array_form(node, each, arrays) for each in value]}
    if value is None or isinstance(value, bool | int | float | np.generic):
        return encode(value, arrays)
    try:
        as_plain_array(value)
    except DTypeError as error:
        raise DTypeError(f"save_trace: node {node.id} ({node.op}): {error}") from error
    return {"array": arrays.add(value)}


def statistics_form(statistics: Statistics | None) -> Any:
    """Return the JSON form of statistics."""
    if statistics is None:
        return None
    form = dataclasses.asdict(statistics)
    return {
        key: encode_number(part) if isinstance(part, float) else part for key, part in form.items()
    }


def load_trace(path: str | os.PathLike[str]) -> Trace:
    """Read a trace back. Its arrays are read-only.

    Raises FileFormatError for a file that is missing, damaged, newer or something else.
    """
    members = read_members(Path(path))
    try:
        document = json.loads(members.pop(DOCUMENT).tobytes())
        check_document(document)
        for array in members.values():
            array.flags.writeable = False
        arrays = Arrays(members)
        nodes: list[Node] = []
        for form in field_of(document, "nodes", list):
            nodes.append(read_node(form, nodes, arrays))
        return Trace(tuple(nodes), field_of(document, "source", str))
    except FileFormatError as error:
        raise FileFormatError(f"{path}: {error}") from None
    except (ValueError, RecursionError) as error:
        raise FileFormatError(f"{path}: the trace in it is damaged: {error}") from error


def read_members(path: Path) -> dict[str, Any]:
    """Return every array of an `.npz` file that holds a trace."""
    import zipfile  # here, since `import backsight` should not wait for it

    try:
        with path.open("rb") as file:
            start = file.read(4)
            if start == b"PK\x03\x04" and not zipfile.is_zipfile(file):
                raise FileFormatError(
                    f"{path}: the file is cut off (its table of contents is missing); "
                    "record or copy it again"
                )
            if start not in (b"PK\x03\x04", b"PK\x05\x06"):  # an archive, an empty one
                raise FileFormatError(
                    f"{path}: not a Backsight trace: the file starts with {start!r}, "
                    "a trace is a zip archive of arrays, as save_trace writes it"
                )
            file.seek(0)
            return read_archive(path, file)
    except FileNotFoundError as error:
        raise FileFormatError(f"{path}: there is no such file") from error
    except OSError as error:
        raise FileFormatError(f"{path}: cannot be read: {error.strerror or error}") from error


def read_archive(path: Path, file: Any) -> dict[str, Any]:
    """Return the arrays of an open archive."""
    try:
        with np.load(file, allow_pickle=False) as archive:
            if DOCUMENT not in archive.files:
                raise FileFormatError(
                    f"{path}: not a Backsight trace: the archive has no {DOCUMENT!r}; it has "
                    f"{', '.join(archive.files[:5]) or 'nothing'}"
                )
            return {name: archive[name] for name in archive.files}
    except FileFormatError:
        raise
    except Exception as error:  # zipfile, zlib and NumPy raise a dozen kinds for damaged bytes
        raise FileFormatError(
            f"{path}: the file is damaged: {error}; record or copy it again"
        ) from error


def check_document(document: Any) -> None:
    """Check name and version of the format. Raises FileFormatError."""
    name = document.get("format") if isinstance(document, dict) else None
    if name != FORMAT:
        raise FileFormatError(f"not a Backsight trace: its format is {name!r}, not {FORMAT!r}")
    version = field_of(document, "version", int)
    if version > VERSION:
        raise FileFormatError(
            f"the trace has format version {version}, this Backsight reads versions up to "
            f"{VERSION}; update it: pip install -U backsight"
        )
    if version < 1:
        raise FileFormatError(f"the trace is damaged: format version {version}")


def field_of(form: Any, key: str, kind: type, default: Any = None) -> Any:
    """Return a field of a JSON object. Raises FileFormatError for another type, or none."""
    value = form.get(key, default) if isinstance(form, dict) else None
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise FileFormatError(
            f"the trace is damaged: {key!r} should be {kind.__name__}, it is {value!r:.60}"
        )
    return value


def read_node(form: Any, before: list[Node], arrays: Arrays) -> Node:
    """Return the node after those `before` it, its references checked."""
    id = len(before)
    try:
        op = field_of(form, "op", str)
        inputs = tuple(read_edge(each, before) for each in field_of(form, "inputs", list, []))
        if op in LEAVES and inputs:
            raise FileFormatError(f"a {op} has no inputs, this has {len(inputs)}")
        attributes = field_of(form, "attributes", dict, {})
        return Node(
            id=id,
            op=op,
            inputs=inputs,
            attributes={key: decode(each, arrays) for key, each in attributes.items()},
            name=field_of(form, "name", str, ""),
            module=field_of(form, "module", str, ""),
            where=read_location(form.get("where")),
            value=read_value(form.get("value"), arrays),
            grad=read_value(form.get("grad"), arrays),
            value_stats=read_statistics(form.get("value_stats")),
            grad_stats=read_statistics(form.get("grad_stats")),
        )
    except FileFormatError as error:
        raise FileFormatError(f"node {id}: {error}") from None


def read_edge(form: Any, before: list[Node]) -> Edge:
    """Return an edge to a node that comes before. Raises FileFormatError for any other."""
    edge = Edge(
        argument=field_of(form, "argument", str),
        node=field_of(form, "node", int),
        output=field_of(form, "output", int),
        summed_axes=tuple(field_of(form, "summed_axes", list)),
    )
    if not 0 <= edge.node < len(before):
        raise FileFormatError(
            f"argument {edge.argument!r} comes from node {edge.node}, which is not before this one"
        )
    value = before[edge.node].value
    outputs = len(value) if isinstance(value, tuple) else math.inf
    if not 0 <= edge.output < outputs:
        raise FileFormatError(
            f"argument {edge.argument!r} is output {edge.output} of node {edge.node}, "
            f"which has {outputs}"
        )
    if not all(type(axis) is int for axis in edge.summed_axes):
        raise FileFormatError(f"argument {edge.argument!r}: axes {edge.summed_axes!r:.60}")
    return edge


def read_location(form: Any) -> Location | None:
    """Return a place in the user's program."""
    if form is None:
        return None
    texts = {key: field_of(form, key, str) for key in ("file", "expression", "function")}
    numbers = {
        key: field_of(form, key, int) for key in ("line", "end_line", "column", "end_column")
    }
    return Location(**texts, **numbers)


def read_value(form: Any, arrays: Arrays) -> Any:
    """Return a value or gradient: None, an array, a number, or a tuple of them."""
    if form is None or type(form) in (bool, int, float):
        return form
    if isinstance(form, Mapping) and form.keys() in ({"array"}, {"scalar"}, {"float"}):
        return decode(form, arrays)
    if isinstance(form, Mapping) and form.keys() == {"tuple"}:
        return tuple(read_value(each, arrays) for each in field_of(form, "tuple", list))
    raise FileFormatError(f"value {form!r:.60} is no array")


def read_statistics(form: Any) -> Statistics | None:
    """Return the statistics of a value or gradient."""
    if form is None:
        return None
    shape = field_of(form, "shape", list)
    if not all(type(length) is int and length >= 0 for length in shape):
        raise FileFormatError(f"the trace is damaged: shape {shape!r:.60}")
    numbers = {}
    for key in ("zeros", "mean", "std", "rms", "minimum", "maximum"):
        number = decode(form.get(key), Arrays())
        if type(number) is not float:
            raise FileFormatError(
                f"the trace is damaged: {key!r} should be float, is {number!r:.60}"
            )
        numbers[key] = number
    return Statistics(
        shape=tuple(shape),
        dtype=field_of(form, "dtype", str),
        count=field_of(form, "count", int),
        nonfinite=field_of(form, "nonfinite", int),
        **numbers,
    )
