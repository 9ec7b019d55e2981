"""Parameters in files: round trips, and one clear error for each file that is not right."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import backsight as bs
from backsight import nn
from backsight.errors import FileFormatError, UsageError

pytest.importorskip("safetensors")


def net(width: int = 3, seed: int = 0) -> nn.Sequential:
    r = np.random.default_rng(seed)
    return nn.Sequential(nn.Linear(2, width, r), nn.ReLU(), nn.Linear(width, 1, r))


def test_round_trip(tmp_path: Path) -> None:
    saved, other = net(seed=0), net(seed=1)
    nn.save(saved, tmp_path / "net.safetensors")
    nn.load(other, tmp_path / "net.safetensors")
    for a, b in zip(nn.parameters(saved).values(), nn.parameters(other).values(), strict=True):
        np.testing.assert_array_equal(a.value, b.value)


def test_others_can_read_the_file(tmp_path: Path) -> None:
    from safetensors.numpy import load_file

    nn.save(net(), tmp_path / "net.safetensors")
    assert set(load_file(tmp_path / "net.safetensors")) == set(nn.parameters(net()))


def test_saving_leaves_no_temporary_file(tmp_path: Path) -> None:
    nn.save(net(), tmp_path / "net.safetensors")
    assert [p.name for p in tmp_path.iterdir()] == ["net.safetensors"]


def test_a_failed_save_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "net.safetensors"
    nn.save(net(), path)
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        nn.save(net(seed=5), path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["net.safetensors"]


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="cannot be read: No such file"):
        nn.load(net(), tmp_path / "none.safetensors")


def test_damaged_file(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    nn.save(net(), path)
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(FileFormatError, match="not a safetensors file, or a damaged one"):
        nn.load(net(), path)


def test_other_shape_changes_nothing(tmp_path: Path) -> None:
    nn.save(net(width=4), tmp_path / "net.safetensors")
    mine = net(width=3)
    before = [t.value.copy() for t in nn.parameters(mine).values()]
    with pytest.raises(
        FileFormatError, match=r"layers.0.w has shape \(2, 4\) in the file, \(2, 3\)"
    ):
        nn.load(mine, tmp_path / "net.safetensors")
    for a, b in zip(before, nn.parameters(mine).values(), strict=True):
        np.testing.assert_array_equal(a, b.value)


def test_other_names(tmp_path: Path) -> None:
    nn.save({"scale": bs.tensor([1.0])}, tmp_path / "scale.safetensors")
    with pytest.raises(FileFormatError, match="only in the file: scale"):
        nn.load(net(), tmp_path / "scale.safetensors")


def test_nothing_to_save(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="ReLU has no parameters"):
        nn.save(nn.ReLU(), tmp_path / "relu.safetensors")


def test_running_averages_are_kept_too(tmp_path: Path) -> None:
    def made() -> nn.Sequential:
        return nn.Sequential(nn.Linear(2, 3, np.random.default_rng(0)), nn.BatchNorm(3))

    saved, other = made(), made()
    saved(np.random.default_rng(1).standard_normal((8, 2)).astype(np.float32))
    nn.save(saved, tmp_path / "net.safetensors")
    nn.load(other, tmp_path / "net.safetensors")
    for name, array in nn.state(saved).items():
        np.testing.assert_array_equal(nn.state(other)[name], array, err_msg=name)
    x = np.random.default_rng(2).standard_normal((4, 2)).astype(np.float32)
    np.testing.assert_array_equal(nn.evaluate(other)(x).value, nn.evaluate(saved)(x).value)


def test_state_of_another_form_changes_nothing() -> None:
    layer, other = net(width=3), net(width=4)
    before = {name: array.copy() for name, array in nn.state(layer).items()}
    with pytest.raises(UsageError, match="has shape"):
        nn.set_state(layer, nn.state(other))
    for name, array in nn.state(layer).items():
        np.testing.assert_array_equal(array, before[name])
