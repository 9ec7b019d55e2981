"""BS106: in one step the gradient is many times larger than in those before."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator

from ...traces.findings import Finding
from ...traces.recording import Recording
from ..observations import claim, power, severity_of
from ..places import loss_site
from ..registry import rule


@rule("BS106", "gradient-spike", reads=("gradient-norm",))
def gradient_spike(
    recording: Recording,
    *,
    warning: float = 20.0,
    critical: float = 100.0,
    window: int = 50,
    at_least: int = 10,
) -> Iterator[Finding]:
    """Find single steps whose gradient is many times larger than usual.

    One such step can undo thousands of good ones. Usual causes are a cliff of a recurrent network,
    a broken sample, a division by something small.

    Measured is the norm of all gradients together against the running median of the 50 observed
    steps before it, of which there must be ten. It must exceed three times the largest norm of
    all steps before, too: where two losses take turns (GANs), or a target network moves (DQN, at
    whose every change the gradient jumps by 20 to 70), norms differ by nature.

    Fires on::

        x = rng.normal(size=(64, 4))
        y = x @ rng.normal(size=(4, 1)) + rng.normal(size=(64, 1))
        w = bs.tensor(np.zeros((4, 1)))
        for step in range(40):
            noise = 1e4 if step == 30 else 0.0
            loss = np.mean(bs.absolute_error(x @ w, y) * (1 + noise))
            w.grad = None
            loss.backward()
            w.value -= 1e-5 * w.grad

    Silent on::

        x = rng.normal(size=(64, 4))
        y = x @ rng.normal(size=(4, 1)) + rng.normal(size=(64, 1))
        w = bs.tensor(np.zeros((4, 1)))
        for step in range(40):
            batch = rng.integers(0, 64, size=8)
            loss = np.mean(bs.absolute_error(x[batch] @ w, y[batch]))
            w.grad = None
            loss.backward()
            w.value -= 0.01 * w.grad

    What helps: clip the gradient's norm between backward and update; look at the batch of that
    step.

    Source: R. Pascanu, T. Mikolov, Y. Bengio, On the difficulty of training recurrent neural
    networks (2013). Healthy nets stay under 7, a recurrent net with spectral radius 1.6 has 736.
    """
    norms = [
        (step.number, step.gradient_norm)
        for step in recording.steps
        if step.gradient_norm is not None and math.isfinite(step.gradient_norm)
    ]
    spikes: list[tuple[float, int]] = []
    largest = 0.0
    for place, (step, norm) in enumerate(norms):
        before = [value for _, value in norms[max(0, place - window) : place]]
        largest, known = max(largest, norm), largest
        if len(before) < at_least:
            continue
        usual = statistics.median(before)
        if usual > 0 and norm > warning * usual and norm > 3 * known:
            spikes.append((norm / usual, step))
    if not spikes:
        return
    factor, step = max(spikes)
    count = f"; {len(spikes)} such steps in all" if len(spikes) > 1 else ""
    yield claim(
        loss_site(recording),
        f"In step {step} the gradient is {power(factor)} times as large as usual (the median of "
        f"the {window} observed steps before{count}). One such update can throw the weights far "
        "away.",
        severity_of(factor, warning, critical),
        fix="Clip the gradient's norm between backward() and the update, at a few times its usual "
        f"size, and look at the batch of step {step}.",
        evidence={
            "factor": factor,
            "threshold": critical if factor >= critical else warning,
            "first_step": min(s for _, s in spikes),
            "last_step": max(s for _, s in spikes),
            "spikes": len(spikes),
            "observations": len(norms),
        },
        note=f"gradient ×{power(factor)} in step {step}",
    )
