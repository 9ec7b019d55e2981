"""Saving and loading: everything comes back, and nothing false is accepted."""

from __future__ import annotations

import functools
import io
import json
import os
import random
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from backsight.errors import DTypeError, FileFormatError
from backsight.traces import Edge, Location, Node, Statistics, Trace, load_trace, save_trace

from .traces import same, traces

GOLDEN = Path(__file__).parent.parent / "golden" / "trace-1.npz"


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(trace=traces())
def test_a_trace_comes_back_as_it_was(trace, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "round.trace"
    save_trace(trace, path)
    assert same(load_trace(path), trace)


def neuron():
    """Return the single neuron of the seeds with one of each kind of thing that a file holds."""
    where = Location("neuron.py", 4, 4, 5, 19, "sigmoid(w * x)", "<module>")
    statistics = Statistics((2,), "float64", 2, 0, 0.5, 1.0, 0.5, 1.5, float("nan"), 3.0)
    w, x = np.array([2.0, -3.0]), np.array([-1.0, -2.0])
    return Trace(
        (
            Node(0, "parameter", name="w", value=w, grad=np.array([0.25, 0.5])),
            Node(1, "constant", value=x),
            Node(2, "multiply", (Edge("x", 0), Edge("y", 1, 0, (0,))), value=w * x),
            Node(
                3,
                "getitem",
                (Edge("x", 2),),
                {"index": (0, slice(None, None, -1), ..., None, np.array([True, False]))},
                name="a",
                module="layer.1",
                where=where,
                value=(np.float32(0.5), np.zeros((0, 2), dtype=np.float16)),
                grad=(None, np.array(1.0)),
                value_stats=statistics,
            ),
        ),
        source="torch",
    )


def test_the_golden_file_of_version_1_still_loads():
    """Written once by version 1 (`save_trace(neuron(), GOLDEN)`) and never again."""
    assert same(load_trace(GOLDEN), neuron())


def test_loaded_arrays_are_read_only(tmp_path):
    save_trace(neuron(), tmp_path / "t")
    value = load_trace(tmp_path / "t").nodes[0].value
    with pytest.raises(ValueError, match="read-only"):
        value[0] = 1.0


def test_a_shared_array_is_kept_once(tmp_path):
    array = np.zeros(1000)
    nodes = [Node(i, "constant", value=array, grad=array) for i in range(5)]
    save_trace(Trace(tuple(nodes)), tmp_path / "t")
    assert (tmp_path / "t").stat().st_size < 2 * array.nbytes
    loaded = load_trace(tmp_path / "t").nodes
    assert loaded[0].value is loaded[4].grad


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.tanh, "<ufunc 'tanh'>"),
        (neuron, f"{__name__}.neuron"),
        (np.random.default_rng(0), "Generator(PCG64)"),
        (random.Random, "random.Random"),
        ({1, 2}, "{1, 2}"),
        ({1: "a"}, "{1: 'a'}"),
        (np.array([object], dtype=object), "array([<class 'object'>], dtype=object)"),
        (b"ab", "b'ab'"),
    ],
)
def test_what_has_no_form_comes_back_as_its_text(value, text, tmp_path):
    save_trace(Trace((Node(0, "dropout", attributes={"a": [value]}),)), tmp_path / "t")
    assert load_trace(tmp_path / "t").nodes[0].attributes == {"a": [text]}


def test_an_attribute_whose_repr_fails(tmp_path):
    class Odd:
        def __repr__(self):
            raise RuntimeError

    save_trace(Trace((Node(0, "odd", attributes={"a": Odd()}),)), tmp_path / "t")
    assert "Odd" in load_trace(tmp_path / "t").nodes[0].attributes["a"]


class Foreign:
    """An array of another library, which NumPy can read, or not."""

    def __init__(self, readable):
        self.readable = readable

    def __array__(self, dtype=None, copy=None):
        if not self.readable:
            raise TypeError("Implicit conversion to a NumPy array is not allowed")
        return np.array([1.0, 2.0], dtype=dtype)


def test_a_foreign_array_becomes_numpys(tmp_path):
    save_trace(Trace((Node(0, "input", value=Foreign(True)),)), tmp_path / "t")
    assert same(load_trace(tmp_path / "t").nodes[0].value, np.array([1.0, 2.0]))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (Foreign(False), r"save_trace: node 0 \(input\): NumPy cannot read a .*Foreign.*\.get\(\)"),
        (np.array([None]), r"save_trace: node 0 \(input\): .* dtype object cannot be saved"),
    ],
)
def test_a_value_that_no_file_can_hold(value, message, tmp_path):
    with pytest.raises(DTypeError, match=message):
        save_trace(Trace((Node(0, "input", value=value),)), tmp_path / "t")
    assert list(tmp_path.iterdir()) == []


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "t"
    save_trace(neuron(), path)
    monkeypatch.setattr(np, "savez", half_written)
    with pytest.raises(OSError, match="No space"):
        save_trace(Trace(()), path)
    assert same(load_trace(path), neuron())
    assert list(tmp_path.iterdir()) == [path]


def half_written(file, **members):
    file.write(b"PK")
    raise OSError(28, "No space left on device")


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "target")
    save_trace(neuron(), tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert same(load_trace(tmp_path / "target"), neuron())


@pytest.mark.skipif(os.name != "posix", reason="modes are those of POSIX")
def test_a_file_has_the_usual_mode(tmp_path):
    save_trace(neuron(), tmp_path / "t")
    (tmp_path / "plain").touch()
    assert (tmp_path / "t").stat().st_mode == (tmp_path / "plain").stat().st_mode


# Bad files: what each is, and what is said of it.


def says(path, message):
    with pytest.raises(FileFormatError, match=message) as caught:
        load_trace(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_a_missing_file(tmp_path):
    says(tmp_path / "none.trace", "there is no such file")


def test_a_folder(tmp_path):
    says(tmp_path, "cannot be read: Is a directory")


@pytest.mark.parametrize("content", [b"", b"P", b"import torch\n", b"\x80\x04pickle", b"\x93NUMPY"])
def test_something_else(content, tmp_path):
    (tmp_path / "t").write_bytes(content)
    says(tmp_path / "t", "not a Backsight trace: the file starts with")


def test_another_archive(tmp_path):
    np.savez(tmp_path / "t.npz", w=np.zeros(2))
    says(tmp_path / "t.npz", "not a Backsight trace: the archive has no 'trace.json'; it has w")


def test_every_truncation_is_noticed(tmp_path):
    save_trace(neuron(), tmp_path / "whole")
    whole = (tmp_path / "whole").read_bytes()
    for length in range(4, len(whole), 97):
        (tmp_path / "t").write_bytes(whole[:length])
        says(tmp_path / "t", "the file is cut off")


def test_a_flipped_byte_is_noticed_or_harmless(tmp_path):
    """Zip keeps a checksum of every member; only its own padding and time stamps are unguarded."""
    save_trace(neuron(), tmp_path / "whole")
    whole = bytearray((tmp_path / "whole").read_bytes())
    refused = 0
    for place in range(0, len(whole), 41):
        damaged = bytearray(whole)
        damaged[place] ^= 0x5A
        (tmp_path / "t").write_bytes(damaged)
        try:
            assert same(load_trace(tmp_path / "t"), neuron())
        except FileFormatError:
            refused += 1
    assert refused > 20


def test_no_pickle_is_ever_read(tmp_path):
    document = np.frombuffer(json.dumps({"format": "backsight trace"}).encode(), dtype=np.uint8)
    np.savez(tmp_path / "t.npz", **{"trace.json": document, "a0": np.array([print])})
    says(tmp_path / "t.npz", "the file is damaged: Object arrays cannot be loaded")


def rewritten(change, tmp_path):
    """Save the neuron, let `change` spoil its document, and return the path."""
    path = tmp_path / "spoilt.npz"
    shutil.copy(GOLDEN, path)
    with np.load(path) as archive:
        members = dict(archive)
    document = json.loads(members.pop("trace.json").tobytes())
    document = change(document) or document
    text = document if isinstance(document, bytes) else json.dumps(document).encode()
    np.savez(path, **{"trace.json": np.frombuffer(text, dtype=np.uint8)}, **members)
    return path


def put(*keys, value):
    """Return a change that puts a value at a place of the document."""

    def change(document):
        inner = functools.reduce(lambda part, key: part[key], keys[:-1], document)
        inner[keys[-1]] = value

    return change


def drop(*keys):
    """Return a change that takes a field away."""

    def change(document):
        del functools.reduce(lambda part, key: part[key], keys[:-1], document)[keys[-1]]

    return change


NODE = ("nodes", 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (put("format", value="other"), "not a Backsight trace: its format is 'other'"),
        (lambda document: [document], "not a Backsight trace: its format is None"),
        (put("version", value=2), "version 2, this Backsight reads versions up to 1; update it"),
        (put("version", value=0), "damaged: format version 0"),
        (put("version", value=True), "'version' should be int, it is True"),
        (drop("nodes"), "'nodes' should be list, it is None"),
        (drop("source"), "'source' should be str"),
        (lambda document: b"{", "the trace in it is damaged: Expecting property name"),
        (lambda document: b"\xff\xfe", "the trace in it is damaged"),
        (lambda document: b"[" * 200_000, "the trace in it is damaged"),
        (put("nodes", 0, value=[]), "node 0: .* 'op' should be str"),
        (put(*NODE, "op", value=3), "node 3: .* 'op' should be str, it is 3"),
        (put("nodes", 0, "inputs", value=[{}]), "node 0: .* 'argument' should be str"),
        (put(*NODE, "inputs", 0, "node", value=3), "node 3: argument 'x' comes from node 3, which"),
        (put(*NODE, "inputs", 0, "node", value=-1), "node -1, which is not before"),
        (put(*NODE, "inputs", 0, "output", value=-1), "is output -1 of node 2"),
        (put(*NODE, "inputs", 0, "summed_axes", value=["a"]), "argument 'x': axes"),
        (put(*NODE, "op", value="input"), "node 3: a input has no inputs, this has 1"),
        (put(*NODE, "value", value={"array": "a99"}), "array 'a99' is referred to but not in"),
        (put(*NODE, "value", value={"array": [1]}), r"array \[1\] is referred to"),
        (put(*NODE, "value", value="text"), "value 'text' is no array"),
        (put(*NODE, "value", value={"scalar": "a0"}), "a scalar has no axes"),
        (put(*NODE, "attributes", "index", value={"triple": []}), "has no known form"),
        (put(*NODE, "attributes", "index", value={"tuple": "ab"}), "cannot be read: not a list"),
        (put(*NODE, "attributes", "index", value={"dict": []}), "cannot be read: not a dictionary"),
        (put(*NODE, "attributes", "index", value={"slice": [1] * 4}), "slice .* cannot be read"),
        (put(*NODE, "attributes", "index", value={"dtype": "f99"}), "dtype 'f99' cannot be read"),
        (put(*NODE, "attributes", "index", value={"type": "save"}), "no such type of numbers"),
        (put(*NODE, "attributes", "index", value={"constant": "x"}), "no such constant"),
        (put(*NODE, "attributes", "index", value={"float": "one"}), "float 'one' cannot be read"),
        (put(*NODE, "attributes", "index", value={"text": 1}), "text 1 cannot be read"),
        (drop(*NODE, "where", "line"), "'line' should be int, it is None"),
        (put(*NODE, "where", value=7), "'file' should be str"),
        (put(*NODE, "value_stats", "shape", value=[-1]), "shape"),
        (put(*NODE, "value_stats", "mean", value="big"), "'mean' should be float, is 'big'"),
        (drop(*NODE, "value_stats", "count"), "'count' should be int"),
    ],
)
def test_a_spoilt_document(change, message, tmp_path):
    says(rewritten(change, tmp_path), message)


def test_an_output_that_its_node_does_not_have(tmp_path):
    def change(document):
        extra = {"argument": "x", "node": 3, "output": 2, "summed_axes": []}
        document["nodes"].append({"op": "add", "inputs": [extra]})

    says(rewritten(change, tmp_path), "node 4: argument 'x' is output 2 of node 3, which has 2")


def test_a_missing_array(tmp_path):
    buffer = io.BytesIO(GOLDEN.read_bytes())
    with zipfile.ZipFile(buffer) as old, zipfile.ZipFile(tmp_path / "t", "w") as new:
        for name in old.namelist():
            if name != "a0.npy":
                new.writestr(name, old.read(name))
    says(tmp_path / "t", "node 0: array 'a0' is referred to but not in the file")
