"""Batches, splits and scaling; readers against files written here in the published formats."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backsight import nn
from backsight.errors import FileFormatError, ShapeError, UsageError

data = nn.data


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_batches_hold_every_sample_once_in_a_drawn_order() -> None:
    x, y = np.arange(10.0), np.arange(10) * 2
    seen = list(data.batches(x, y, size=4, generator=rng()))
    assert [len(a) for a, _ in seen] == [4, 4, 2]
    drawn = np.concatenate([a for a, _ in seen])
    assert sorted(drawn) == list(range(10))
    assert list(drawn) != list(range(10))
    for a, b in seen:
        np.testing.assert_array_equal(b, a * 2)
    again = np.concatenate([a for a, _ in data.batches(x, y, size=4, generator=rng())])
    np.testing.assert_array_equal(drawn, again)


def test_batches_in_order_and_without_the_last() -> None:
    assert [list(b) for b in data.batches(np.arange(5), size=2)] == [[0, 1], [2, 3], [4]]
    assert [list(b) for b in data.batches(np.arange(5), size=2, drop_last=True)] == [[0, 1], [2, 3]]


@pytest.mark.parametrize(
    ("given", "options", "error", "words"),
    [
        ((np.zeros(3), np.zeros(4)), {"size": 2}, ShapeError, r"hold \[3, 4\] samples"),
        ((np.zeros((0, 2)),), {"size": 2}, UsageError, "there are no samples"),
        ((np.zeros(3),), {"size": 0}, UsageError, "size is 0 for 3 samples; it must be ≥ 1"),
        ((np.zeros(3),), {"size": 4, "drop_last": True}, UsageError, "there would be no batch"),
        ((np.zeros(3),), {"size": 2, "generator": 7}, UsageError, "default_rng"),
        ((), {"size": 2}, UsageError, "at least one array"),
    ],
)
def test_bad_batches_are_one_clear_error(given: Any, options: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        data.batches(*given, **options)


def test_nan_is_named_by_column() -> None:
    x = np.zeros((6, 9))
    x[2, [1, 7]] = np.nan
    x[3, 7] = np.inf
    with pytest.raises(
        UsageError, match=r"array 1 holds 2 NaN and 1 infinite numbers in columns 1, 7 of \(6, 9\)"
    ):
        data.batches(np.zeros(6), x, size=2)
    x = np.full((2, 9), np.nan)
    with pytest.raises(UsageError, match="columns 0, 1, 2, 3, 4 and 4 more"):
        data.check_data(x)
    data.check_data(np.arange(3), np.zeros(3))


def test_split_divides_at_random() -> None:
    (a, b), (c, _) = data.split(np.arange(100), np.arange(100) * 3, share=0.8, generator=rng())
    assert len(a) == 80
    assert sorted([*a, *c]) == list(range(100))
    np.testing.assert_array_equal(b, a * 3)
    with pytest.raises(UsageError, match="share is 1"):
        data.split(np.arange(3), share=1, generator=rng())


def test_standardised_by_the_training_data_alone() -> None:
    train = rng().normal(5, [1, 100, 0], (1000, 3))
    test = train[:10] + 1
    a, b = data.standardised(train, test)
    assert a.dtype == np.float32
    np.testing.assert_allclose(a.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(a.std(axis=0), [1, 1, 0], atol=1e-5)
    np.testing.assert_allclose(b[:, 0] - a[:10, 0], 1 / train[:, 0].std(), rtol=1e-4)


def idx(array: Any, kind: int) -> bytes:
    """Write the IDX format."""
    head = struct.pack(">HBB", 0, kind, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.tobytes()


@pytest.mark.parametrize(
    ("kind", "dtype"), [(0x08, "u1"), (0x09, "i1"), (0x0B, ">i2"), (0x0D, ">f4"), (0x0E, ">f8")]
)
@pytest.mark.parametrize("zipped", [False, True])
def test_idx_round_trip(kind: int, dtype: str, zipped: bool, tmp_path: Path) -> None:
    array = rng().integers(0, 100, (3, 4, 5)).astype(dtype)
    path = tmp_path / "x"
    written = idx(array, kind)
    path.write_bytes(gzip.compress(written) if zipped else written)
    found = data.read_idx(path)
    np.testing.assert_array_equal(found, array)
    assert found.dtype.isnative


def test_damaged_idx_files(tmp_path: Path) -> None:
    path = tmp_path / "x"
    whole = idx(rng().integers(0, 100, (30, 4)).astype("u1"), 0x08)
    cases = {
        "not an IDX file": b"PNG" + whole,
        "begins with nothing": b"",
        "damaged: 131 bytes where": whole[:-1],
        "damaged: 6 bytes": whole[:6],
        "a damaged gzip file": gzip.compress(whole)[:-20],
    }
    for words, content in cases.items():
        path.write_bytes(content)
        with pytest.raises(FileFormatError, match=words):
            data.read_idx(path)
    with pytest.raises(FileFormatError, match="cannot be read: No such file"):
        data.read_idx(tmp_path / "none")


def test_mnist_folder(tmp_path: Path) -> None:
    truth = {}
    for part, count in (("train", 6), ("t10k", 3)):
        images = rng(count).integers(0, 256, (count, 28, 28)).astype("u1")
        labels = rng(count).integers(0, 10, count).astype("u1")
        truth[part] = images, labels
        (tmp_path / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(images, 8)))
        (tmp_path / f"{part}-labels-idx1-ubyte").write_bytes(idx(labels, 8))
    found = data.read_mnist(tmp_path)
    for array, given in zip(found, (*truth["train"], *truth["t10k"]), strict=True):
        np.testing.assert_array_equal(array, given)
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(idx(np.zeros(2, "u1"), 8))
    with pytest.raises(FileFormatError, match="do not belong together"):
        data.read_mnist(tmp_path)
    with pytest.raises(FileFormatError, match="there is no train-images"):
        data.read_mnist(tmp_path / "elsewhere")


def test_cifar_folder(tmp_path: Path) -> None:
    names = [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"]
    rows = {name: rng(i).integers(0, 256, (2, 3073)).astype("u1") for i, name in enumerate(names)}
    for name, row in rows.items():
        row[:, 0] %= 10
        (tmp_path / name).write_bytes(row.tobytes())
    x, y, x_test, y_test = data.read_cifar10(tmp_path)
    assert x.shape == (10, 3, 32, 32)
    np.testing.assert_array_equal(x[2, 1, 0], rows["data_batch_2.bin"][0, 1 + 1024 : 1 + 1056])
    np.testing.assert_array_equal(y[:2], rows["data_batch_1.bin"][:, 0])
    np.testing.assert_array_equal(x_test.reshape(2, -1), rows["test_batch.bin"][:, 1:])
    np.testing.assert_array_equal(y_test, rows["test_batch.bin"][:, 0])
    (tmp_path / "test_batch.bin").write_bytes(b"\0" * 100)
    with pytest.raises(FileFormatError, match="100 bytes are no multiple of 3,073"):
        data.read_cifar10(tmp_path)
    (tmp_path / "test_batch.bin").write_bytes(b"\x0b" * 3073)
    with pytest.raises(FileFormatError, match="label 11 is beyond the 10 classes"):
        data.read_cifar10(tmp_path)
