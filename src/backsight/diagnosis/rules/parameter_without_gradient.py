"""BS304: the optimiser holds a parameter that never gets a gradient."""

from __future__ import annotations

from collections.abc import Iterator

from ...traces.findings import Finding, Severity
from ...traces.recording import Recording
from ..observations import claim, named
from ..registry import rule


@rule("BS304", "parameter-without-gradient", reads=("parameter",))
def parameter_without_gradient(
    recording: Recording, *, updates: int = 20, whole_run: int = 5
) -> Iterator[Finding]:
    """Find parameters that are meant to be trained and never get a gradient.

    Somewhere between the parameter and the loss the graph is cut (`detach`, `.value`, `no_grad`, an
    index or a comparison), or its output is not used. The rest of the network goes on learning, so
    nothing looks broken.

    Judged are parameters that an optimiser holds. Fires if no gradient arrives, or exactly zero, in
    all observed steps, and these are 20 or more, or the whole of a shorter run. One gradient is
    enough to stay silent, so parameters that are trained in turn (GANs) or used rarely pass.

    Fires on::

        x, y = rng.normal(size=(64, 4)), rng.normal(size=(64, 1))
        w, v = bs.tensor(rng.normal(size=(4, 8)) * 0.5), bs.tensor(rng.normal(size=(8, 1)) * 0.5)
        optimizer = bs.nn.optim.SGD([w, v], lr=0.01)
        for step in range(30):
            h = np.tanh(x @ w.value)
            loss = np.mean((h @ v - y) ** 2)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    Silent on::

        x, y = rng.normal(size=(64, 4)), rng.normal(size=(64, 1))
        w, v = bs.tensor(rng.normal(size=(4, 8)) * 0.5), bs.tensor(rng.normal(size=(8, 1)) * 0.5)
        optimizer = bs.nn.optim.SGD([w, v], lr=0.01)
        for step in range(30):
            h = np.tanh(x @ w)
            loss = np.mean((h @ v - y) ** 2)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    What helps: find where the value leaves the graph; if the parameter is meant to be frozen, make
    it without gradient (`requires_grad=False`) and leave it out of the optimiser.

    Source: mmcv #1541 and many others ("unused parameters").
    """
    steps = int(recording.meta.get("probed", 0))
    for site in recording.of_kind("parameter"):
        probes = recording.probes(site)
        if not site.attributes.get("optimizer") or not probes:
            continue
        if any(probe.figures.get("gradient_rms", 0.0) != 0 for probe in probes):
            continue
        short = steps < updates and len(probes) >= max(whole_run, steps - 1)
        if len(probes) < updates and not short:
            continue
        absent = all("gradient_rms" not in probe.figures for probe in probes)
        if not absent and not site.attributes.get("weight"):
            continue  # a bias that cancels in a difference of outputs: zero by mathematics
        what = "No gradient ever arrives" if absent else "Only gradients of exactly zero arrive"
        yield claim(
            site,
            f"{what} at {named(site)}, which {site.attributes['optimizer']} is to train "
            f"({len(probes)} observed steps, {probes[0].step} to {probes[-1].step}).",
            Severity.CRITICAL,
            fix=f"Look on the way from {named(site)} to the loss for what leaves the graph: "
            "detach, .value or .data, no_grad, argmax, a comparison, a conversion to integers. If "
            "it is meant to be frozen, make it without gradient and leave it out of the optimiser.",
            evidence={
                "steps_without_gradient": len(probes),
                "threshold": updates,
                "first_step": probes[0].step,
                "last_step": probes[-1].step,
                "observations": len(probes),
            },
            note="never gets a gradient",
        )
