"""BS402: gradients are too small for float16 and are lost where they become it."""

from __future__ import annotations

from collections.abc import Iterator

from ...traces.findings import Finding, Severity
from ...traces.recording import Recording
from ..observations import claim, lasting
from ..registry import rule


@rule("BS402", "low-precision-underflow", reads=("narrowing.underflowed",))
def low_precision_underflow(
    recording: Recording, *, warning: float = 0.05, weighty: float = 0.01
) -> Iterator[Finding]:
    """Find gradients that turn to zero because float16 cannot hold numbers so small.

    The smallest normal number of float16 is 6e-5, and under 6e-8 there is only zero. Gradients are
    often smaller, most of all those of a mean over many elements. What became zero trains nothing.

    Measured is, where a gradient is cast to float16, the share of its elements that were not zero
    and are now, or are subnormal, with few digits left. Fires if that is more than 5 % in five
    observed steps in a row, and those elements carry at least 1 % of the gradient's magnitude: the
    tails of a softmax may go. Passes whose loss was scaled by a GradScaler are not judged.

    Fires on::

        x, y = rng.normal(size=(4096, 4)), rng.normal(size=(4096, 1))
        w = bs.tensor(np.zeros((4, 1), np.float16))
        for step in range(20):
            prediction = x.astype(np.float16) @ w
            loss = np.mean((prediction.astype(np.float32) - y.astype(np.float32)) ** 2) * 0.01
            w.grad = None
            loss.backward()
            w.value -= w.grad

    Silent on::

        x, y = rng.normal(size=(4096, 4)), rng.normal(size=(4096, 1))
        w = bs.tensor(np.zeros((4, 1), np.float16))
        for step in range(20):
            prediction = x.astype(np.float16) @ w
            loss = np.mean((prediction.astype(np.float32) - y.astype(np.float32)) ** 2) * 1024.0
            w.grad = None
            loss.backward()
            w.value -= 1e-5 * w.grad

    What helps: scale the loss before the backward pass and the gradients back before the update
    (GradScaler), or bfloat16, which has the range of float32.

    Source: P. Micikevicius et al., Mixed precision training (2018); the underflow tool of Hugging
    Face.
    """
    for site in recording.of_kind("narrowing"):
        probes = [p for p in recording.probes(site) if p.figures.get("elements", 0.0) > 0]
        shares = [(p.step, p["underflowed"] / p["elements"]) for p in probes]
        carried = {p.step: p["magnitude_underflowed"] / max(p["magnitude"], 1e-300) for p in probes}
        judged = [(step, share if carried[step] >= weighty else 0.0) for step, share in shares]
        seen = lasting(judged, lambda share: share > warning)
        if seen is None:
            continue
        vanished = sum(p["vanished"] for p in probes) / sum(p["elements"] for p in probes)
        dtype = site.attributes.get("dtype", "float16")
        yield claim(
            site,
            f"{seen.median:.0%} of the gradient's elements are too small for {dtype} where they "
            f"are cast to it here (median of {seen.count} observed steps, {seen.first} to "
            f"{seen.last}): {vanished:.0%} become zero, the rest keep few digits.",
            Severity.WARNING,
            fix="Scale the loss: `scaler.scale(loss).backward()`, `scaler.step(optimizer)`, "
            "`scaler.update()` with a GradScaler; or use bfloat16, which has the range of float32.",
            evidence={
                "underflowed_share": seen.median,
                "threshold": warning,
                "vanished_share": vanished,
                "first_step": seen.first,
                "last_step": seen.last,
                "observations": len(probes),
            },
            note=f"{seen.median:.0%} of the gradient underflows",
        )
