"""Recall, right expression and false alarms on the held-out programs, Backsight beside its peers.

python benchmarks/detection/run.py [--peers /path/to/python-with-the-peers] [--jobs 2]

Runs `watchers.py` over `programs/`, keeps what was said in results.json (earlier results of other
watchers and programs stay) and writes the tables of README.md between its two marks.
"""

import argparse
import datetime
import hashlib
import json
import platform
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from importlib.metadata import version
from pathlib import Path
from statistics import median

HERE = Path(__file__).parent
RESULTS, README = HERE / "results.json", HERE / "README.md"
PEERS = {"torchmortem": "torchmortem 0.1.1", "torch_audit": "torch-audit 0.3.0"}
PEERS["torchdiag"] = "torchdiag 0.1.0"
WATCHERS = ["backsight", *PEERS]
MARK = re.compile(r"# leak: (BS\d{3}(?: or BS\d{3})*)")
START, END = "<!-- measured -->", "<!-- /measured -->"


def programs(kind: str) -> list[Path]:
    """Return the programs of a kind, `healthy` or `faulty`; helpers begin with an underscore."""
    return sorted(p for p in (HERE / "programs" / kind).glob("*.py") if p.name[0] != "_")


def marks(program: Path) -> dict[str, set[int]]:
    """Return the lines at which each code may be reported; the first code names the fault."""
    found: dict[str, set[int]] = defaultdict(set)
    for number, line in enumerate(program.read_text().splitlines(), 1):
        if mark := MARK.search(line):
            for code in mark[1].split(" or "):
                found[code].add(number)
    return dict(found)


def seeded(program: Path, seed: int, folder: Path) -> Path:
    """Write the program with another seed in place of 0, its helpers beside it."""
    for helper in program.parent.glob("_*.py"):
        (folder / helper.name).write_text(helper.read_text())
    text = re.sub(
        r"(seed\(|default_rng\(|random_state=|seed=)0\b", rf"\g<1>{seed}", program.read_text()
    )
    changed = folder / program.name
    changed.write_text(text)
    return changed


def watch(watcher: str, chosen: list[Path], python: str, jobs: int) -> list[dict]:
    """Run the programs under a watcher, in so many processes at once."""
    with tempfile.TemporaryDirectory() as folder:
        outputs = [Path(folder) / str(job) for job in range(jobs)]
        command = [python, str(HERE / "watchers.py"), watcher]
        running = [
            subprocess.Popen([*command, str(output), *map(str, chosen[job::jobs])])
            for job, output in enumerate(outputs)
            if chosen[job::jobs]
        ]
        for each in running:
            each.wait()
        return [
            json.loads(line)
            for output in outputs
            if output.exists()
            for line in output.read_text().splitlines()
        ]


def kept(said: dict) -> dict:
    """Return what results.json keeps of one run."""
    output = hashlib.sha256(said["stdout"].encode()).hexdigest()[:16]
    result = {"seconds": said["seconds"], "code": said["code"], "output": output}
    if "diagnosis" in said:
        diagnosis = said["diagnosis"]
        result["status"] = diagnosis.get("status", "none")
        result["findings"] = [
            {
                "code": f["code"],
                "severity": f["severity"],
                "file": Path((f["location"] or {}).get("file") or "").name,
                "line": (f["location"] or {}).get("line"),
                "end_line": (f["location"] or {}).get("end_line"),
                "expression": (f["location"] or {}).get("expression"),
                "message": f["message"][:200],
                "symptoms": [s["code"] for s in f["symptoms"]],
            }
            for f in diagnosis.get("findings", [])
        ]
    for key in ("warnings", "cannot", "failed"):
        if key in said:
            result[key] = said[key]
    return result


def alarms(run: dict) -> list[dict]:
    """Return what is at least a warning."""
    if "findings" in run:
        return [f for f in run["findings"] if f["severity"] in ("warning", "critical")]
    return run.get("warnings", [])


def names(run: dict, wanted: set[str]) -> bool:
    """Whether a warning names one of the wanted faults, itself or as what it explains."""
    return any(
        wanted & {a.get("code"), *a.get("codes", ()), *a.get("symptoms", ())} for a in alarms(run)
    )


def at_the_place(run: dict, marked: dict[str, set[int]]) -> bool:
    """Whether a finding names the fault and lies on a marked line."""
    return any(
        f["line"] is not None
        and any(f["line"] <= n <= (f["end_line"] or f["line"]) for n in marked.get(f["code"], ()))
        for f in alarms(run)
    )


def table(head: list[str], rows: list[list[object]]) -> str:
    lines = ["| " + " | ".join(map(str, row)) + " |" for row in [head, ["---"] * len(head), *rows]]
    return "\n".join(lines)


def faults_table(runs: dict) -> str:
    """Return the table of recall, a row per rule, a column per watcher."""
    by_code = defaultdict(list)
    for program in programs("faulty"):
        by_code[next(iter(marks(program)))].append(program)
    rows, sums = [], defaultdict(lambda: [0, 0])
    for code, chosen in sorted(by_code.items()):
        row: list[object] = [code, len(chosen)]
        for watcher in WATCHERS:
            seen = [(p, runs.get(watcher, {}).get(f"faulty/{p.name}")) for p in chosen]
            seen = [(p, run) for p, run in seen if run and not run.get("cannot")]
            found = sum(names(run, set(marks(p))) for p, run in seen)
            sums[watcher][0] += found
            sums[watcher][1] += len(seen)
            row.append(f"{found} of {len(seen)}" if seen else "–")
            if watcher == "backsight":
                right = sum(at_the_place(run, marks(p)) for p, run in seen)
                sums["right"][0] += right
                row.append(right)
        rows.append(row)
    total: list[object] = ["all", sum(len(c) for c in by_code.values())]
    for watcher in WATCHERS:
        found, of = sums[watcher]
        total.append(f"{found} of {of} ({found / of:.0%})" if of else "–")
        if watcher == "backsight":
            total.append(sums["right"][0])
    head = ["rule", "programs", "Backsight", "at the marked line", *PEERS.values()]
    return table(head, [*rows, total])


def healthy_table(runs: dict) -> str:
    """Return the table of false alarms, slowdown and what could not be watched."""
    rows = []
    for watcher in WATCHERS:
        mine, bare = runs.get(watcher, {}), runs.get("bare", {})
        seen = [mine[k] for k in mine if k.startswith("healthy/") and not mine[k].get("cannot")]
        if not seen:
            continue
        ratios = [
            mine[k]["seconds"] / bare[k]["seconds"]
            for k in mine
            if k in bare and mine[k]["seconds"] and bare[k]["seconds"] and not mine[k].get("cannot")
        ]
        warned = [len(alarms(run)) for run in seen]
        everything = [mine[k] for k in mine if mine[k].get("cannot")]
        rows.append(
            [
                PEERS.get(watcher, "Backsight"),
                len(seen),
                sum(n > 0 for n in warned),
                f"{sum(warned) / len(seen):.2f}",
                len(everything),
                f"{median(ratios):.2f}" if ratios else "–",
            ]
        )
    head = ["", "healthy programs watched", "with a false alarm", "alarms a program"]
    head += ["could not be attached (both lists)", "time, median ratio to bare"]
    return table(head, rows)


def misses(runs: dict) -> str:
    """Return the programs that Backsight misses or blames, by name."""
    mine, lines = runs.get("backsight", {}), []
    for program in programs("faulty"):
        run, marked = mine.get(f"faulty/{program.name}"), marks(program)
        if run is None:
            continue
        said = ", ".join(f"{f['code']} at line {f['line']}" for f in alarms(run)) or "nothing"
        if not names(run, set(marked)):
            lines.append(f"* missed: `{program.name}` ({' or '.join(marked)}); said: {said}")
        elif not at_the_place(run, marked):
            lines.append(f"* elsewhere: `{program.name}` ({' or '.join(marked)}); said: {said}")
    for program in programs("healthy"):
        for f in alarms(mine.get(f"healthy/{program.name}", {})):
            lines.append(f"* false alarm: `{program.name}`, {f['code']} at `{f['expression']}`")
    return "\n".join(lines)


def changed_outputs(runs: dict) -> list[str]:
    """Return the programs whose output or exit code differs under `backsight run`."""
    bare = runs.get("bare", {})
    return [
        name
        for name, run in runs.get("backsight", {}).items()
        if name in bare
        and (run["output"], run["code"]) != (bare[name]["output"], bare[name]["code"])
    ]


def describe(results: dict) -> str:
    """Return the measured part of README.md."""
    runs = results["runs"]
    about = results["about"]
    changed = changed_outputs(runs)
    same = len(set(runs.get("bare", {})) & set(runs.get("backsight", {}))) - len(changed)
    return "\n\n".join(
        [
            START,
            f"{about['date']}, {about['machine']}, {about['versions']}. `{about['command']}`",
            "Of the faulty programs, found (a warning or worse that names the kind of fault):",
            faults_table(runs),
            "On the healthy ones:",
            healthy_table(runs),
            f"Output and exit code the same bare and watched: {same} of {same + len(changed)} "
            f"programs{' (not ' + ', '.join(changed) + ')' if changed else ''}.",
            "What Backsight misses or wrongly blames:",
            misses(runs) or "* nothing",
            END,
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", help="a Python with the peers and PyTorch; without, none is run")
    parser.add_argument("--watcher", action="append", help="only this one (bare, backsight, …)")
    parser.add_argument("--program", default="", help="only programs whose path matches")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument(
        "--seed", type=int, default=0, help="print alarms at this seed; keep nothing"
    )
    parser.add_argument("--take", nargs="*", default=None, help="take these outputs of watchers.py")
    options = parser.parse_args()
    chosen = [
        p for p in programs("faulty") + programs("healthy") if re.search(options.program, str(p))
    ]
    if options.seed:
        with tempfile.TemporaryDirectory() as folder:
            healthy = [p for p in chosen if p.parent.name == "healthy"]
            copies = [seeded(p, options.seed, Path(folder)) for p in healthy]
            for said in watch("backsight", copies, sys.executable, options.jobs):
                for alarm in alarms(kept(said)):
                    print(Path(said["program"]).name, alarm)
        return
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"runs": {}}
    said_all: list[dict] = []
    for taken in options.take or []:
        said_all += [json.loads(line) for line in Path(taken).read_text().splitlines()]
    if options.take is None:
        wanted = ["bare", "backsight", *(["peers"] if options.peers else [])]
        for watcher in options.watcher or wanted:
            foreign = watcher == "peers" or watcher in PEERS
            python = options.peers if foreign else sys.executable
            mine = [p for p in chosen if not foreign or "engine_" not in p.name]
            said_all += watch(watcher, mine, python, options.jobs)
    for said in said_all:
        name = "/".join(Path(said["program"]).parts[-2:])
        # All peers in one run: their warnings are each one's own, the time is nobody's.
        apart = {
            peer: {**said, **each, "seconds": None} for peer, each in said.get("peers", {}).items()
        }
        for watcher, each in (
            {said["watcher"]: said} if said["watcher"] != "peers" else apart
        ).items():
            results["runs"].setdefault(watcher, {})[name] = kept(each)
    results["about"] = {
        "date": f"{datetime.date.today()}",
        "machine": f"2-core {platform.machine()}",
        "versions": f"Python {platform.python_version()}, PyTorch {version('torch')}, "
        f"Backsight {version('backsight')}, " + ", ".join(PEERS.values()),
        "command": "python benchmarks/detection/run.py --peers …",
    }
    RESULTS.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")
    text = README.read_text()
    before, after = text.split(START)[0], text.split(END)[1]
    README.write_text(before + describe(results) + after)
    print(describe(results))


if __name__ == "__main__":
    main()
