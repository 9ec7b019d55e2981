"""Run programs under a watcher (Backsight, one of the peers, none) and note what it said.

python watchers.py bare|backsight|peers|torchmortem|torch_audit|torchdiag OUTPUT PROGRAM…

Every program runs in a forked child of a process that has PyTorch imported already: times are of
the processor, without imports, and without what other processes do to the clock. Backsight runs as
its command line does. The peers want calls in the user's code; they are attached as their
documentation says. This driver makes it when an optimiser is constructed: it
looks in the frames above for the modules that own its parameters. Programs without an optimiser or
without a module cannot be watched by them ("cannot"). `peers` attaches all three to one run: a
third of the work where only their warnings count, not their time.
"""

import contextlib
import io
import json
import os
import resource
import sys
import tempfile
import time
import traceback
from pathlib import Path

import torch
from torch.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)

# Imported before the fork, so that no child spends time on it.
for _name in ("gymnasium", "sklearn.datasets", "sklearn.preprocessing", "torch.utils.checkpoint"):
    with contextlib.suppress(ImportError):
        __import__(_name)

TIME_LIMIT = 240  # seconds of wall clock a program may take
KNOWN = {  # what a peer's warning reasonably names: the kind of fault, by the start of its title
    "Vanishing gradients": "BS101 BS104 BS206 BS304 BS303 BS305 BS402 BS307 BS309 BS301",
    "Gradient stalling": "BS101 BS104 BS206 BS304 BS303 BS305 BS402 BS309 BS301",
    "Exploding gradients": "BS102 BS103 BS106 BS401 BS503 BS206 BS508 BS506",
    "Dead units": "BS201 BS202 BS203",
    "Activation saturation": "BS204 BS205",
    "Rank collapse": "BS207",
    "Update ratio too low": "BS507 BS505 BS501 BS306 BS304",
    "Update ratio too high": "BS506 BS501",
    "Weight norm explosion": "BS506 BS502",
    "Stagnant weight norms": "BS306 BS304 BS507 BS505",
    "Inter-layer weight norm imbalance": "BS206",
    "Training divergence": "BS506 BS401 BS502",
    "Loss plateau": "BS504 BS507",
    "TA100": "BS401",
    "TA102": "BS102 BS103 BS106 BS503 BS206 BS508 BS506",
    "TA103": "BS201 BS202 BS203 BS304 BS303 BS305",
    "TA104": "BS304 BS303 BS305 BS309",
    "TA105": "BS201 BS202 BS203",
    "TA301": "BS508",
    "TA305": "BS401",
    "TA500": "BS304 BS305",
    "no gradient": "BS304 BS303 BS305 BS306",
    "exploding": "BS102 BS103 BS106 BS503 BS206 BS508 BS506",
    "vanishing": "BS101 BS104 BS206 BS304 BS303 BS402 BS309",
    "dead": "BS201 BS202 BS203",
}


def codes_of(title: str) -> list[str]:
    """Return the codes of the faults that a peer's warning of this title names."""
    return next((codes.split() for start, codes in KNOWN.items() if title.startswith(start)), [])


def modules_of(optimizer: torch.optim.Optimizer) -> list[torch.nn.Module]:
    """Return the modules, in the frames above, that own the optimiser's parameters."""
    wanted = {id(p) for group in optimizer.param_groups for p in group["params"]}
    frame, best = sys._getframe(2), []
    while frame is not None and wanted:
        if "site-packages" not in frame.f_code.co_filename:
            values = list(frame.f_locals.values())
            values += [v for s in values if hasattr(s, "__dict__") for v in list(vars(s).values())]
            modules = [v for v in values if isinstance(v, torch.nn.Module)]
            modules.sort(key=lambda m: -len(wanted & {id(p) for p in m.parameters()}))
            for module in modules:
                owned = wanted & {id(p) for p in module.parameters()}
                if owned:
                    best.append(module)
                    wanted -= owned
        frame = frame.f_back
    return best


class Mortem:
    """torchmortem: an Autopsy a module, told of each step and its loss."""

    def __init__(self, module: torch.nn.Module, optimizer: torch.optim.Optimizer) -> None:
        from torchmortem import Autopsy

        self.autopsy = Autopsy(module, optimizer=optimizer)
        self.autopsy.attach()

    def stepped(self, loss: float | None) -> None:
        """Tell it the loss of a step."""
        self.autopsy.step(**({} if loss is None else {"loss": loss}))

    def before_step(self) -> None:
        """Nothing: it has its own hooks."""

    def warnings(self) -> list[dict]:
        """Return what it warns of."""
        self.autopsy.detach()
        found = self.autopsy.get_report().findings
        return [
            {"title": f.title, "severity": f.severity.name}
            for f in found
            if f.severity.name in ("WARNING", "CRITICAL")
        ]


class Audit:
    """torch-audit: autopatch, every step."""

    def __init__(self, module: torch.nn.Module, optimizer: torch.optim.Optimizer) -> None:
        from torch_audit import autopatch

        self.auditor = autopatch(
            module, optimizer=optimizer, every_n_steps=1, reporters=[], fail_level="FATAL"
        )

    def stepped(self, loss: float | None) -> None:
        """Nothing: it patches the optimiser."""

    def before_step(self) -> None:
        """Nothing: it patches the optimiser."""

    def warnings(self) -> list[dict]:
        """Return what it warns of."""
        found = self.auditor.finish(report=False).findings
        # Advice on hardware and style (TA2xx, TA4xx) is no alarm; what comes back at every step is
        # one warning.
        worth = {
            (f.rule_id, f.module_path): f
            for f in found
            if f.severity.name not in ("INFO", "DEBUG") and f.rule_id[:3] not in ("TA2", "TA4")
        }
        return [
            {"title": f"{f.rule_id} {f.message}"[:120], "severity": f.severity.name}
            for f in worth.values()
        ]


class Diag:
    """torchdiag: check_gradients before steps 1, 20, 100, 200; check_dead_neurons at the end."""

    def __init__(self, module: torch.nn.Module, optimizer: torch.optim.Optimizer) -> None:
        self.module, self.steps, self.inputs = module, 0, None
        self.said: dict[str, None] = {}
        module.register_forward_pre_hook(self._keep)

    def _keep(self, _module: torch.nn.Module, inputs: tuple) -> None:
        self.inputs = inputs

    def before_step(self) -> None:
        """Look at the gradients, at a few steps."""
        import torchdiag

        self.steps += 1
        if self.steps not in (1, 20, 100, 200):
            return
        names = {"no_grad": "no gradient", "EXPLODE": "exploding", "VANISH": "vanishing"}
        with contextlib.redirect_stdout(io.StringIO()):
            for name, each in torchdiag.check_gradients(self.module).items():
                if each["status"] in names:
                    self.said[f"{names[each['status']]} {name}"] = None

    def stepped(self, loss: float | None) -> None:
        """Nothing: gradients are looked at before the step."""

    def warnings(self) -> list[dict]:
        """Return what it warns of."""
        import torchdiag

        out = io.StringIO()
        if self.inputs is not None and len(self.inputs) == 1:
            with contextlib.redirect_stdout(out), contextlib.suppress(Exception):
                torchdiag.check_dead_neurons(self.module, self.inputs[0].detach())
        for line in out.getvalue().splitlines():
            if line.endswith(("CRITICAL", "WARNING")):
                self.said[f"dead {line.split()[0]}"] = None
        return [{"title": title, "severity": "WARNING"} for title in self.said]


PEERS = {"torchmortem": Mortem, "torch_audit": Audit, "torchdiag": Diag}


class Driver:
    """Attaches a peer to every optimiser that the program constructs."""

    def __init__(self, peers: list[str]) -> None:
        self.peers = peers
        self.attached: dict[int, list] = {}
        self.optimizers: list[torch.optim.Optimizer] = []  # kept, so that ids stay theirs
        self.loss: float | None = None
        self.failed: dict[str, list[str]] = {peer: [] for peer in peers}

    def install(self) -> None:
        """Wrap the construction of optimisers and `backward`, for the loss."""
        backward, driver = torch.Tensor.backward, self

        def with_loss(tensor: torch.Tensor, *args: object, **kwargs: object) -> object:
            if tensor.numel() == 1:
                driver.loss = float(tensor.detach())
            return backward(tensor, *args, **kwargs)

        torch.Tensor.backward = with_loss
        for cls in vars(torch.optim).values():
            if isinstance(cls, type) and issubclass(cls, torch.optim.Optimizer):
                self._wrap(cls)
        register_optimizer_step_pre_hook(
            lambda o, *_: [each.before_step() for each in self.attached.get(id(o), [])] and None
        )
        register_optimizer_step_post_hook(
            lambda o, *_: (
                [each.stepped(self.loss) for each in self.attached.get(id(o), [])] and None
            )
        )

    def _wrap(self, cls: type) -> None:
        if "__init__" not in vars(cls) or cls is torch.optim.Optimizer:
            return
        construct, driver = cls.__init__, self

        def constructed(optimizer: torch.optim.Optimizer, *args: object, **kwargs: object) -> None:
            construct(optimizer, *args, **kwargs)
            if type(optimizer) is cls:
                driver.attach(optimizer)

        cls.__init__ = constructed

    def attach(self, optimizer: torch.optim.Optimizer) -> None:
        """Attach the peer to the modules that an optimiser trains, if any."""
        modules = modules_of(optimizer)
        if not modules:
            return
        module = modules[0] if len(modules) == 1 else torch.nn.ModuleList(modules)
        self.optimizers.append(optimizer)
        for peer in self.peers:
            try:
                made = PEERS[peer](module, optimizer)
            except Exception as error:
                self.failed[peer].append(repr(error)[:200])
            else:
                self.attached.setdefault(id(optimizer), []).append(made)

    def result(self, peer: str) -> dict:
        """Return what a peer warned of; `cannot` where it could not be attached."""
        warned: list[dict] = []
        mine = [e for some in self.attached.values() for e in some if type(e) is PEERS[peer]]
        for each in mine:
            try:
                warned += each.warnings()
            except Exception as error:
                self.failed[peer].append(repr(error)[:200])
        for each in warned:
            each["codes"] = codes_of(each["title"])
        return {"cannot": not mine, "failed": self.failed[peer], "warnings": warned}


def run_backsight(program: Path, folder: Path) -> tuple[int, dict]:
    """Run it under `backsight run` at default settings; return its exit code and the diagnosis."""
    # Its budget of time is then the same on a busy machine as on an idle one.
    time.perf_counter = time.process_time
    from backsight.cli import main

    output = folder / "diagnosis.json"
    arguments = ["backsight", "run", "--format", "json", "-o", str(output)]
    arguments += ["--recording", str(folder / "run.bsr"), str(program)]
    sys.argv, code = arguments, 0
    try:
        main()
    except SystemExit as left:
        code = left.code or 0
    return code, json.loads(output.read_text()) if output.exists() else {}


def run_plain(program: Path) -> int:
    """Run it as `python` would; return the exit code."""
    sys.argv = [str(program)]
    sys.path.insert(0, str(program.parent))
    main = type(sys)("__main__")
    main.__file__ = str(program)
    sys.modules["__main__"] = main
    try:
        exec(compile(program.read_text(), str(program), "exec"), main.__dict__)
    except SystemExit as left:
        return left.code or 0
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def run_one(watcher: str, program: Path, folder: Path) -> dict:
    """Run it here (a forked child) under a watcher; return what it said, the time and the exit."""
    os.chdir(folder)
    start = time.process_time()
    if watcher == "backsight":
        code, said = run_backsight(program, folder)
        said = {"diagnosis": said}
    elif watcher == "bare":
        code, said = run_plain(program), {}
    else:
        peers = list(PEERS) if watcher == "peers" else [watcher]
        driver = Driver(peers)
        driver.install()
        code = run_plain(program)
        results = {peer: driver.result(peer) for peer in peers}
        said = {"peers": results} if watcher == "peers" else results[watcher]
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = time.process_time() - start + children.ru_utime + children.ru_stime
    return {**said, "seconds": round(seconds, 3), "code": code}


def run_in_child(watcher: str, program: Path, limit: float) -> dict:
    """Fork, run it there, wait at most `limit` seconds."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        child = os.fork()
        if child == 0:
            for number, file in ((1, "stdout"), (2, "stderr")):
                os.dup2(os.open(folder / file, os.O_WRONLY | os.O_CREAT, 0o600), number)
            try:
                (folder / "said").write_text(json.dumps(run_one(watcher, program, folder)))
            except BaseException:
                traceback.print_exc()
            finally:
                with contextlib.suppress(OSError):
                    sys.stdout.flush()
                    sys.stderr.flush()
                os._exit(0)
        end = time.monotonic() + limit
        while os.waitpid(child, os.WNOHANG) == (0, 0):
            if time.monotonic() > end:
                os.kill(child, 9)
                os.waitpid(child, 0)
                break
            time.sleep(0.05)
        said = folder / "said"
        result = json.loads(said.read_text()) if said.exists() else {"code": None, "seconds": None}
        result["stdout"] = (folder / "stdout").read_text()[-20_000:]
        result["stderr"] = (folder / "stderr").read_text()[-2_000:]
        return result


def main() -> None:
    """Run every program under the watcher named first; a line of JSON each."""
    watcher, output, *programs = sys.argv[1:]
    torch.set_num_threads(1)
    with Path(output).open("a") as out:
        for program in map(Path, programs):
            said = run_in_child(watcher, program.resolve(), TIME_LIMIT)
            out.write(json.dumps({"watcher": watcher, "program": str(program), **said}) + "\n")
            out.flush()


if __name__ == "__main__":
    main()
