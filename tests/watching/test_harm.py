"""A watched script does what it does unwatched: output, exit code, numbers bit for bit."""

from __future__ import annotations

from pathlib import Path

import pytest

from .programs import TRAINING, backsight, python

SCRIPTS = {
    "plain": "print('hello'); import sys; print(sys.argv, __name__, __file__, sys.path[0])",
    "names": "print(sorted(globals())); print(__spec__, __package__, type(__loader__).__name__)",
    "main_module": "import __main__, sys; x = 3; print(__main__.x, sys.modules['__main__'].x)",
    "exit": "import sys; print('bye'); sys.exit(3)",
    "exit_none": "import sys; sys.exit()",
    "exit_text": "import sys; sys.exit('gone wrong')",
    "exit_large": "import sys; sys.exit(300)",
    "os_exit": "import os; print('now', flush=True); os._exit(7)",
    "raises": "def f():\n    return 1 / 0\n\n\ndef g():\n    f()\n\n\ng()\n",
    "raises_chained": (
        "try:\n    {}['a']\nexcept KeyError as error:\n    raise ValueError('no') from error\n"
    ),
    "raises_group": "raise ExceptionGroup('both', [ValueError(1), TypeError(2)])",
    "syntax": "x = (1,\ny = 2\n",
    "excepthook": "import sys\nsys.excepthook = lambda *e: print('mine', e[0].__name__)\n1 / 0\n",
    "atexit": "import atexit; atexit.register(print, 'last'); print('first')",
    "thread": (
        "import threading, time\n"
        "def work():\n    time.sleep(0.3)\n    print('thread done')\n"
        "threading.Thread(target=work).start()\nprint('main done')\n"
    ),
    "pool": (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "pool = ThreadPoolExecutor(2)\nprint(pool.submit(pow, 2, 5).result())\n"
    ),
    "fork": (
        "import os, sys\n" + TRAINING + "train(3)\n"
        "sys.stdout.flush()\n"
        "if os.fork() == 0:\n    print('child', train(5).item())\n    sys.exit(4)\n"
        "print('parent', os.waitstatus_to_exitcode(os.wait()[1]), train(3).item())\n"
    ),
    "workers": (
        "import multiprocessing as mp\n\n"
        "def square(x):\n    return x * x\n\n"
        "if __name__ == '__main__':\n"
        "    for method in ('fork', 'spawn'):\n"
        "        with mp.get_context(method).Pool(2) as pool:\n"
        "            print(pool.map(square, range(4)))\n"
    ),
    "pickle": (
        "import pickle\n\n\nclass Thing:\n    x = 1\n\n\n"
        "print(type(pickle.loads(pickle.dumps(Thing()))).__module__)\n"
    ),
    "warning": "import warnings\nwarnings.warn('old', DeprecationWarning)\n",
    "stderr": "import sys; print('to stderr', file=sys.stderr)",
    "closes_stderr": "import sys; sys.stderr.close(); print('on')",
    "path": "import beside; print(beside.x)",
    "training": TRAINING + "print(train(60).item().hex(), [v.hex() for v in w.value.ravel()])",
    "random": (
        "import random\n" + TRAINING + "np.random.seed(5)\nrandom.seed(5)\ntrain(60)\n"
        "print(np.random.random(), random.random(), rng.random())\n"
        "print(np.geterr(), hash(np.random.get_state()[1].tobytes()) is not None)\n"
    ),
    "float32": TRAINING
    + "w = bs.tensor(w.value.astype(np.float32)); x = x.astype(np.float32)\n"
    + "y = y.astype(np.float32)\nprint(train(60).item().hex(), w.dtype)",
    "errors_raise": TRAINING + "np.seterr(all='raise')\nprint(train(30).item().hex(), np.geterr())",
    "warnings_raise": "import warnings\nwarnings.simplefilter('error')\n"
    + TRAINING
    + "print(train(30).item().hex())",
    "hooks": TRAINING
    + "seen = []\nw.register_hook(lambda g: seen.append(g.copy()))\ntrain(30)\n"
    + "print(len(seen), sum(float(g.sum()) for g in seen).hex())",
    "threads": "import threading\n"
    + TRAINING
    + "train(1)\nws = [bs.tensor(rng.normal(size=(4, 1))) for _ in range(4)]\n"
    + "def work(w):\n"
    + "    for _ in range(40):\n"
    + "        w.grad = None\n"
    + "        loss_of(w).backward()\n"
    + "        w.value -= 0.1 * w.grad\n"
    + "ts = [threading.Thread(target=work, args=(w,)) for w in ws]\n"
    + "[t.start() for t in ts]; [t.join() for t in ts]\n"
    + "print([w.value.tobytes().hex() for w in ws])",
    "raises_in_backward": TRAINING
    + "train(3)\nw.register_hook(lambda g: 1 / 0)\ntry:\n    train(1)\nexcept ZeroDivisionError:\n"
    + "    print('caught')\n",
    "raises_in_training": TRAINING + "train(30)\nloss_of(w).reshape(7)\n",
    "exits_at_exit": "import atexit, os; atexit.register(lambda: os._exit(6))\n"
    + TRAINING
    + "train(9)\nprint('done', flush=True)\n",
    "reads_stdin": "import sys; print(repr(sys.stdin.read()), sys.argv)",
    "changes_folder": "import os, tempfile\n"
    + TRAINING
    + "os.chdir(tempfile.gettempdir())\ntrain(30)\nprint(train(1).item().hex())\n",
    "closes_stdout": "import sys\n"
    + TRAINING
    + "print(train(9).item().hex(), flush=True)\n"
    + "sys.stdout.close()\n",
    "traces_itself": "import sys, traceback\n"
    + TRAINING
    + "w.register_hook(lambda g: 1 / 0)\ntry:\n    train(1)\nexcept ZeroDivisionError as e:\n"
    + "    print([f.name for f in traceback.extract_tb(e.__traceback__)])\n",
    "lifetimes": "import gc, sys, weakref\n"
    + TRAINING
    + "train(1)\ngc.collect(); gc.disable()\nfor _ in range(30):\n    h = x @ w\n"
    + "    loss = (np.tanh(h) ** 2).mean()\n    kept = [weakref.ref(h), weakref.ref(loss)]\n"
    + "    w.grad = None\n    loss.backward()\n    del h, loss\n"
    + "    print([each() for each in kept], sys.getrefcount(w))\n",
    "recursion": "import sys\n"
    + TRAINING
    + "sys.setrecursionlimit(300)\n"
    + "def deep(n):\n    return deep(n - 1) if n else train(3).item().hex()\nprint(deep(100))\n"
    + "try:\n    deep(1000)\nexcept RecursionError as e:\n    print(e)\n"
    + "print(train(3).item().hex())\n",
    "imports_watch": TRAINING
    + "with bs.watch() as inner:\n    train(30)\nprint(inner.diagnosis.findings[0].code)",
}
NOT_OBSERVED = "os_exit", "closes_stderr", "exits_at_exit"


CASES = [(name, ()) for name in SCRIPTS] + [
    (name, ("--every-step",)) for name, text in SCRIPTS.items() if "backward" in text
]


@pytest.mark.parametrize(("name", "options"), CASES)
def test_a_watched_script_does_the_same(
    name: str, options: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "beside.py").write_text("x = 5\n")
    (tmp_path / "script.py").write_text(SCRIPTS[name])
    bare = python(tmp_path, "script.py", "a", "--b")
    watched = backsight(tmp_path, "run", *options, "script.py", "a", "--b")
    assert watched.stdout == bare.stdout
    assert watched.returncode == bare.returncode
    assert watched.stderr.startswith(bare.stderr)
    if name not in NOT_OBSERVED:
        assert "Diagnosis of script.py" in watched.stderr[len(bare.stderr) :]
    assert "failed" not in watched.stderr.replace(bare.stderr, "")


def test_a_module_runs_as_under_python(tmp_path: Path) -> None:
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").write_text("print('package')\n")
    text = "import sys\nprint(sys.argv, __name__, __package__, __spec__.name, sys.path[0])\n"
    (package / "train.py").write_text("from . import other\n" + text)
    (package / "__main__.py").write_text(text)
    (package / "other.py").write_text("")
    for name in ("package.train", "package"):
        bare = python(tmp_path, "-m", name, "--epochs", "3")
        watched = backsight(tmp_path, "run", "-m", name, "--epochs", "3")
        assert bare.returncode == 0
        assert (watched.stdout, watched.returncode) == (bare.stdout, 0)


def test_the_script_loads_numpy_itself(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(
        "import sys; print([m for m in ('numpy', 'torch', 'rich') if m in sys.modules])"
    )
    assert backsight(tmp_path, "run", "script.py").stdout == "[]\n"


def broken(target: str, after: int) -> str:
    """Source that makes a method of ours raise after some calls."""
    module, cls, method = target.rsplit(".", 2)
    return f"""
import importlib
found = importlib.import_module({module!r}).{cls}
before, count = found.{method}, 0


def raising(*args, **kwargs):
    global count
    count += 1
    if count > {after}:
        raise RuntimeError("our own bug")
    return before(*args, **kwargs)


found.{method} = raising
"""


@pytest.mark.parametrize(
    "fault",
    [
        "backsight.adapters.engine_probe.Walk.node",
        "backsight.adapters.engine_probe.Walk.finished",
        "backsight.traces.recording_writer.RecordingWriter.probe",
        "backsight.watching.sampling.Sampling.due",
    ],
)
def test_a_failure_of_ours_ends_the_watching_not_the_training(fault: str, tmp_path: Path) -> None:
    tail = "print(train(60).item().hex())\n"
    (tmp_path / "script.py").write_text(TRAINING + tail)
    bare = python(tmp_path, "script.py")
    (tmp_path / "script.py").write_text(TRAINING + broken(fault, 9) + tail)
    watched = backsight(tmp_path, "run", "--every-step", "script.py")
    assert (watched.stdout, watched.returncode) == (bare.stdout, 0)
    line = "watching is switched off, the script goes on (RuntimeError: our own bug)"
    assert watched.stderr.count(line) == 1
    assert "Watching broke off: RuntimeError: our own bug." in watched.stderr
    assert "Traceback" not in watched.stderr


def test_a_recording_that_fails_at_the_end_is_told(tmp_path: Path) -> None:
    fault = "backsight.traces.recording_writer.RecordingWriter.flush"
    (tmp_path / "script.py").write_text(TRAINING + broken(fault, 1) + "train(9)\nexit(3)\n")
    watched = backsight(tmp_path, "run", "script.py")
    assert watched.returncode == 3
    assert "Watching broke off: RuntimeError: our own bug." in watched.stderr
