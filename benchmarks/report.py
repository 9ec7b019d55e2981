"""How large the report of a long run is, how long it takes to write, and to open in a browser.

The run is made up: a network of `--layers` weights and ReLUs of 256 units, every step observed.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from pathlib import Path

import numpy as np

from backsight.diagnosis import diagnose
from backsight.report import write_report
from backsight.traces.recording import Site, load_recording
from backsight.traces.recording_writer import RecordingWriter
from backsight.traces.trace import Location

CHROMIUM = Path("/usr/bin/chromium")
UNITS = 256


def record(path: Path, steps: int, layers: int) -> None:
    """Write the recording."""
    rng = np.random.default_rng(0)
    meta = {"script": "long.py", "folder": str(path.parent), "source": "engine"}
    writer = RecordingWriter(path, meta | {"steps": steps, "probed": steps})
    sites = []
    for layer in range(layers):
        place = Location(str(path), 10 + layer, 10 + layer, 9, 20, "x @ weights", "forward")
        name = f"blocks.{layer}"
        known = {"weight": True, "distance": 3 * layer, "shape": [UNITS, UNITS]}
        weight = Site(
            "parameter", "parameter", place, module=name, parameter=f"{name}.w", attributes=known
        )
        units = {"units": UNITS, "distance": 3 * layer}
        relu = Site("relu", "activation", place, module=name, attributes=units)
        sites.append((writer.site(weight), writer.site(relu)))
    for step in range(1, steps + 1):
        loss = 1.0 / math.sqrt(step) + 0.05 * rng.random()
        writer.step(step, loss=loss, gradient_norm=2 * loss, learning_rate=0.1, observed=True)
        noise = rng.random(layers)
        active = (rng.random((layers, UNITS)) < 0.5) * 32
        for layer, (weight_id, relu_id) in enumerate(sites):
            size = 10.0 ** (-layer % 4) * (1 + noise[layer])
            weight_figures = {"rms": 1.0, "std": 1.0, "gradient_rms": size, "update_std": 1e-3}
            writer.probe(step, weight_id, weight_figures)
            relu_figures = {"samples": 64.0, "elements": 16384.0, "saturated": 0.0, "std": 0.7}
            writer.probe(step, relu_id, relu_figures | {"flat": 8192.0 + 100 * noise[layer]})
            writer.units(step, relu_id, 64, active[layer])
    writer.event("exit", 0)
    writer.close()


def opened_in(file: Path) -> tuple[float, float]:
    """Return the seconds until the page is loaded, and those of one move of the slider."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox"], timeout=120_000
        )
        page = browser.new_page()
        begun = time.perf_counter()
        page.goto(file.as_uri())
        loaded = time.perf_counter() - begun
        move = """() => {
            const slider = document.getElementById("step");
            const begun = performance.now();
            for (let i = 0; i < 20; i++) {
                slider.value = String(i);
                slider.dispatchEvent(new Event("input"));
            }
            return (performance.now() - begun) / 20;
        }"""
        moved = page.evaluate(move) / 1000
        browser.close()
    return loaded, moved


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--layers", type=int, default=40)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "long.bsr"
        record(path, chosen.steps, chosen.layers)
        begun = time.perf_counter()
        recording = load_recording(path)
        loaded = time.perf_counter() - begun
        diagnosis = diagnose(recording)
        report = path.with_suffix(".html")
        begun = time.perf_counter()
        write_report(report, recording, diagnosis)
        written = time.perf_counter() - begun
        print(f"{chosen.steps:,} observed steps, {chosen.layers} layers of {UNITS} units")
        print(f"recording {path.stat().st_size / 1e6:.1f} MB, read in {loaded:.2f} s")
        print(f"report {report.stat().st_size / 1e6:.2f} MB, written in {written:.2f} s")
        if CHROMIUM.exists():
            opened, moved = opened_in(report)
            print(f"opened in {opened:.2f} s, the slider moves in {1000 * moved:.0f} ms")


if __name__ == "__main__":
    main()
