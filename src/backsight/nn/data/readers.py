"""Readers of MNIST's IDX files and of CIFAR-10's binary files, from a path. Nothing is fetched.

The pickled form of CIFAR-10 is not read: unpickling runs whatever code the file holds.
"""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path

import numpy as np

from ...arrays import Array
from ...errors import FileFormatError

IDX_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
CIFAR_ROW = 1 + 3 * 32 * 32  # a label, then the red, green and blue planes


def read_idx(path: str | Path) -> Array:
    """Read an IDX file, plain or gzipped: two zero bytes, a type, a rank, lengths, numbers.

    Raises FileFormatError where it is missing, truncated or something else. Source: the format as
    described with the MNIST database (LeCun, Cortes & Burges).
    """
    data = _bytes(path)
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in IDX_TYPES:
        raise FileFormatError(
            f"{path}: not an IDX file; it begins with {data[:4].hex(' ') or 'nothing'}, not with "
            "00 00 and a type"
        )
    rank = data[3]
    head = 4 + 4 * rank
    lengths = tuple(int(n) for n in np.frombuffer(data[4:head], ">u4")) if len(data) >= head else ()
    kind = np.dtype(IDX_TYPES[data[2]])
    expected = head + kind.itemsize * math.prod(lengths)
    if len(lengths) != rank or len(data) != expected:
        raise FileFormatError(
            f"{path}: damaged: {len(data):,} bytes where an IDX file of {lengths or 'its shape'} "
            f"has {expected:,}; fetch it again"
        )
    return np.frombuffer(data, kind, offset=head).reshape(lengths).astype(kind.newbyteorder("="))


def read_mnist(folder: str | Path) -> tuple[Array, Array, Array, Array]:
    """Read MNIST (or Fashion-MNIST) from its four IDX files: train images, labels, test ones.

    Images are (N, 28, 28) numbers from 0 to 255, labels (N,). Raises FileFormatError where a file
    is missing or damaged, or images and labels differ in number.
    """
    found = []
    for part in ("train", "t10k"):
        images = read_idx(_present(folder, f"{part}-images-idx3-ubyte"))
        labels = read_idx(_present(folder, f"{part}-labels-idx1-ubyte"))
        if images.ndim != 3 or labels.ndim != 1 or len(images) != len(labels):
            raise FileFormatError(
                f"{folder}: {part} images {images.shape} and labels {labels.shape} do not belong "
                "together"
            )
        found += [images, labels.astype(np.int64)]
    return found[0], found[1], found[2], found[3]


def read_cifar10(folder: str | Path) -> tuple[Array, Array, Array, Array]:
    """Read CIFAR-10's binary version: train images, train labels, test images, test labels.

    Images are (N, 3, 32, 32) numbers from 0 to 255, labels (N,). Raises FileFormatError where a
    file is missing or damaged. Source: the format as described by Krizhevsky 2009.
    """
    names = [f"data_batch_{i}.bin" for i in range(1, 6)]
    train = [_cifar_file(_present(folder, name)) for name in names]
    images, labels = _cifar_file(_present(folder, "test_batch.bin"))
    return (
        np.concatenate([part[0] for part in train]),
        np.concatenate([part[1] for part in train]),
        images,
        labels,
    )


def _cifar_file(path: Path) -> tuple[Array, Array]:
    data = _bytes(path)
    if not data or len(data) % CIFAR_ROW:
        raise FileFormatError(
            f"{path}: damaged: {len(data):,} bytes are no multiple of {CIFAR_ROW:,} (a label and "
            "3 × 32 × 32 pixels); fetch it again. Only the binary version is read"
        )
    rows = np.frombuffer(data, np.uint8).reshape(-1, CIFAR_ROW)
    if rows[:, 0].max() > 9:
        raise FileFormatError(f"{path}: label {rows[:, 0].max()} is beyond the 10 classes")
    return rows[:, 1:].reshape(-1, 3, 32, 32), rows[:, 0].astype(np.int64)


def _present(folder: str | Path, name: str) -> Path:
    for each in (Path(folder) / name, Path(folder) / f"{name}.gz"):
        if each.exists():
            return each
    raise FileFormatError(f"{folder}: there is no {name} (nor {name}.gz) in it")


def _bytes(path: str | Path) -> bytes:
    try:
        data = Path(path).read_bytes()
        return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    except OSError as error:
        raise FileFormatError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (EOFError, zlib.error) as error:
        raise FileFormatError(f"{path}: a damaged gzip file: {error}; fetch it again") from None
