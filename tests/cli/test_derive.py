"""`backsight derive`: a script is run up to a backward pass and worked by hand."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import backsight as bs

EXAMPLES = Path(__file__).parents[2] / "examples"

NEURON_IN_TORCH = """
import torch
x = torch.tensor([-1.0, -2.0], dtype=torch.float64)
y = 1.0
W = torch.tensor([2.0, -3.0], dtype=torch.float64, requires_grad=True)
b = torch.tensor(-3.0, dtype=torch.float64, requires_grad=True)
z = W @ x + b
a = torch.sigmoid(z)
C = 0.5 * (y - a) ** 2
C.backward()
raise RuntimeError("the script should have been stopped")
"""

STEPS = """
import atexit, sys
import numpy as np
import backsight as bs
atexit.register(lambda: print("handler"))
w = bs.tensor([1.0, 2.0], name="w")
for step in range(int(sys.argv[1])):
    try:
        loss = (w * w).sum()
        loss.backward()
        w.value -= 0.25 * w.grad
        w.grad = None
        print("step", step)
    except Exception:
        print("swallowed")
    finally:
        print("finally", step)
sys.exit(7)
"""

STEPS_IN_TORCH = """
import sys
import torch
w = torch.tensor([1.0, 2.0], requires_grad=True)
for step in range(int(sys.argv[1])):
    loss = (w * w).sum()
    loss.backward()
    w.data -= 0.25 * w.grad
    w.grad = None
"""


def derive(
    *arguments: str, folder: Path | None = None, command: str = "derive"
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "backsight", command, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def written(folder: Path, text: str) -> str:
    (folder / "script.py").write_text(text)
    return "script.py"


PUBLISHED = (
    "a = σ(z) = 0.731059",
    "C = 0.5 · (y − a)² = 0.036165",
    "δ = ∂C/∂z = −0.052877",
    "= [1.947123, −3.105754]",
    "= −2.947123",
    "a: 0.731059 → 0.788726",
)


def test_the_neuron_prints_the_published_numbers() -> None:
    done = derive(str(EXAMPLES / "neuron.py"))
    assert (done.returncode, done.stderr) == (0, "")
    for line in PUBLISHED:
        assert line in done.stdout
    assert "a was" not in done.stdout  # the script was stopped before its own last line


@pytest.mark.torch
def test_the_neuron_in_torch_is_derived_alike(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    done = derive(written(tmp_path, NEURON_IN_TORCH), folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == derive(str(EXAMPLES / "neuron.py")).stdout


def test_script_is_stopped_after_the_step_and_its_handlers_run(tmp_path: Path) -> None:
    done = derive("--step", "2", written(tmp_path, STEPS), "5", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    before, _, after = done.stdout.partition("The chain rule by hand")
    assert before.splitlines() == ["step 0", "finally 0", "finally 1"]
    assert after.splitlines()[-1] == "handler"
    assert "w = [0.5, 1]" in after


@pytest.mark.torch
def test_later_step_of_torch(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    done = derive("--step", "3", written(tmp_path, STEPS_IN_TORCH), "5", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "w = [0.25, 0.5]" in done.stdout


def test_gradient_of_a_function_is_a_step(tmp_path: Path) -> None:
    text = "import numpy as np\nimport backsight as bs\nbs.grad(lambda w: (w * w).sum())"
    done = derive(written(tmp_path, f"{text}(np.array([1.0, 2.0]))\n"), folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "∂" in done.stdout
    assert "w ← [1, 2]" in done.stdout


def test_script_that_ends_before_is_one_clear_error(tmp_path: Path) -> None:
    done = derive("--step", "4", written(tmp_path, STEPS), "2", folder=tmp_path)
    assert done.returncode == 2
    message = "script.py ended with exit code 7 before backward pass 4; it made 2"
    assert done.stderr == f"backsight: {message}\n"
    done = derive(written(tmp_path, "print('hello')\n"), folder=tmp_path)
    assert done.stderr == "backsight: script.py ended before its first backward pass\n"
    assert done.stdout == "hello\n"


def test_script_that_swallows_everything_is_stopped_all_the_same(tmp_path: Path) -> None:
    text = STEPS.replace("except Exception", "except BaseException")
    done = derive(written(tmp_path, text), "3", folder=tmp_path)
    assert done.returncode == 0
    assert "w = [1, 2]" in done.stdout
    assert "step" not in done.stdout.partition("The chain rule")[0]


@pytest.mark.parametrize("suffix", ["md", "tex", "html", "txt"])
def test_derivation_goes_to_a_file(tmp_path: Path, suffix: str) -> None:
    done = derive(
        "-o", f"out.{suffix}", "--lr", "0.5", str(EXAMPLES / "neuron.py"), folder=tmp_path
    )
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == f"backsight: derived: out.{suffix}\n"
    assert "1.97" in (tmp_path / f"out.{suffix}").read_text()  # 2 − 0.5 · 0.052877


def test_wrt_and_a_saved_trace(tmp_path: Path) -> None:
    w = bs.tensor([[1.0, 2.0], [3.0, 4.0]], name="w")
    bs.save(bs.trace((w * w).sum()), tmp_path / "t.npz")
    done = derive("--wrt", "w[1, 0]", "t.npz", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "The one element that was asked for" in done.stdout
    done = derive("--wrt", "v", "t.npz", folder=tmp_path)
    assert done.returncode == 2
    assert "no value named 'v'" in done.stderr


def test_module_is_run_as_a_script(tmp_path: Path) -> None:
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "train.py").write_text((EXAMPLES / "neuron.py").read_text())
    done = derive("-m", "package.train", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert PUBLISHED[2] in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "which script?"),
        (("missing.py",), "missing.py does not exist"),
        (("-o", "out.png", "x.py"), "the suffix says the format"),
        (("-o", "nowhere/out.md", "x.py"), "the folder nowhere does not exist"),
        (("--step", "0", "x.py"), "0 is not in the range"),
    ],
)
def test_slips_are_told_before_anything_runs(
    tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    done = derive(*arguments, folder=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stdout == ""
